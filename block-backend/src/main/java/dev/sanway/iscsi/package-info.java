/** iSCSI of RFC 7143 that target and initiator share: PDUs, codec, digests, text keys, negotiation, CHAP. */
@NullMarked
package dev.sanway.iscsi;

import org.jspecify.annotations.NullMarked;
