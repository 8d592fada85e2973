package dev.sanway.block;

import java.util.UUID;

/** Who a device is: {@code uuid} is persisted and never changes; {@code name} is what operators and logs call it. */
public record Identity(UUID uuid, String name) {}
