/**
 * The auto-configuration protocol (Figs. 3 and 4): wire format, messages and the engines of both sides. Engines are pure: they take
 * events with the time and give effects; network, disk and clock are at the edges. {@code docs/autoconfig.cddl} is normative for
 * the data areas.
 */
@NullMarked
package dev.sanway.autoconfig;

import org.jspecify.annotations.NullMarked;
