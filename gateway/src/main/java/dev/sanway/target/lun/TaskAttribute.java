package dev.sanway.target.lun;

/** Task attributes of SAM-5 8.9. Untagged is treated as simple. */
public enum TaskAttribute {
    SIMPLE,
    ORDERED,
    HEAD_OF_QUEUE,
    ACA
}
