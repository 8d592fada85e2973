package dev.sanway.target;

import dev.sanway.iscsi.Pdu;

final class TextService {
    TextService(Session session, SessionSetup setup) {}

    void request(Pdu.TextRequest request) {
        request.release();
    }

    void close() {}
}
