package dev.sanway.metadata;

/**
 * A configuration that was adopted.
 *
 * @param revision from 1 on, one more with each
 * @param adoptedAt an ISO 8601 instant
 * @param origin how it came: {@code start}, {@code reload} or {@code apply}
 * @param text of the file
 */
public record ConfigRevision(long revision, String adoptedAt, String origin, String text) {}
