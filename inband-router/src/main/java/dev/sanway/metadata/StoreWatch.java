package dev.sanway.metadata;

/** Who hears that a store cannot be read or written, and that it can again. Called on the store's thread; must not wait. */
public interface StoreWatch {

    /** For a store that nobody watches. */
    StoreWatch NOBODY = new StoreWatch() {
        @Override
        public void failing(String cause) {}

        @Override
        public void well() {}
    };

    /** It failed, for the first time since it was well. */
    void failing(String cause);

    /** It can be written again. */
    void well();
}
