/** Desired state from YAML, its reconciliation, and the REST API. */
@NullMarked
package dev.sanway.control;

import org.jspecify.annotations.NullMarked;
