package dev.sanway.metadata;

/** The boot number of the last run's control station. There is one record. */
public record StationBoot(long boot) {
    public static final Catalog.Kind<StationBoot> KIND = new Catalog.Kind<>("station", StationBoot.class);

    /** Its key. */
    public static final String KEY = "station";
}
