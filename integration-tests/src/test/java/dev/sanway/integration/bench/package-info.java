/** Side-by-side benchmarks on one machine: what {@code scripts/bench} runs. */
@NullMarked
package dev.sanway.integration.bench;

import org.jspecify.annotations.NullMarked;
