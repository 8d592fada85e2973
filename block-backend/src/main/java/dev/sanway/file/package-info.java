/** How small files that people or this program wrote are read: configurations, secrets, keys, tokens. */
@NullMarked
package dev.sanway.file;

import org.jspecify.annotations.NullMarked;
