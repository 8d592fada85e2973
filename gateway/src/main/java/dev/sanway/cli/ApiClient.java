package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sanway.file.SmallFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** Calls the gateway's REST API; every failure is a {@link CommandFailure} with a line for people. */
final class ApiClient {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration TIMEOUT = Duration.ofSeconds(15);

    /** How long an answer may take to come once it has begun. */
    private static final Duration ANSWER_TIMEOUT = Duration.ofMinutes(2);

    /** Ten times what a gateway with 10,000 volumes says of them. */
    private static final long MAX_ANSWER_BYTES = 64 << 20;

    private final URI server;
    private final String token;
    private final HttpClient http;

    /**
     * @param token empty: none
     * @param certificate the gateway's own, to be trusted; null: what the machine trusts
     */
    ApiClient(URI server, String token, @Nullable Path certificate) throws CommandFailure {
        this.server = server;
        this.token = token;
        try {
            HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5));
            if (certificate != null) {
                builder.sslContext(trusting(certificate));
            }
            this.http = builder.build();
        } catch (IOException | GeneralSecurityException e) {
            throw new CommandFailure(1, "the certificate " + certificate + " cannot be used: " + e.getMessage());
        }
    }

    private static SSLContext trusting(Path certificate) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        byte[] content = SmallFile.read(certificate, SmallFile.MAX_KEY_BYTES).bytes();
        store.setCertificateEntry(
                "gateway",
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(content)));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    JsonNode get(String path) throws CommandFailure {
        return send("GET", path, HttpRequest.BodyPublishers.noBody(), TIMEOUT);
    }

    /** A call that may take its time, such as one that waits for news. */
    JsonNode get(String path, Duration timeout) throws CommandFailure {
        return send("GET", path, HttpRequest.BodyPublishers.noBody(), timeout);
    }

    /** An answer that is no JSON. */
    byte[] bytes(String path) throws CommandFailure {
        HttpResponse<byte[]> response = exchange(
                "GET", path, HttpRequest.BodyPublishers.noBody(), TIMEOUT, HttpResponse.BodyHandlers.ofByteArray());
        if (response.statusCode() / 100 != 2) {
            answer(response.statusCode(), new String(response.body(), StandardCharsets.UTF_8));
        }
        return response.body();
    }

    JsonNode post(String path, JsonNode body) throws CommandFailure {
        return send("POST", path, HttpRequest.BodyPublishers.ofString(body.toString()), TIMEOUT);
    }

    JsonNode put(String path, JsonNode body) throws CommandFailure {
        return send("PUT", path, HttpRequest.BodyPublishers.ofString(body.toString()), TIMEOUT);
    }

    JsonNode delete(String path) throws CommandFailure {
        return send("DELETE", path, HttpRequest.BodyPublishers.noBody(), TIMEOUT);
    }

    private JsonNode send(String method, String path, HttpRequest.BodyPublisher body, Duration timeout)
            throws CommandFailure {
        HttpResponse<String> response = exchange(method, path, body, timeout, HttpResponse.BodyHandlers.ofString());
        return answer(response.statusCode(), response.body());
    }

    private <T> HttpResponse<T> exchange(
            String method,
            String path,
            HttpRequest.BodyPublisher body,
            Duration timeout,
            HttpResponse.BodyHandler<T> handler)
            throws CommandFailure {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(server.resolve(path)).timeout(timeout).method(method, body);
        if (!token.isEmpty()) {
            request.header("Authorization", "Bearer " + token);
        }
        CompletableFuture<HttpResponse<T>> answer =
                http.sendAsync(request.build(), HttpResponse.BodyHandlers.limiting(handler, MAX_ANSWER_BYTES));
        try {
            // The request's own timeout ends when the answer begins.
            return answer.get(timeout.plus(ANSWER_TIMEOUT).toSeconds(), TimeUnit.SECONDS);
        } catch (TimeoutException _) {
            answer.cancel(true);
            throw new CommandFailure(3, "the gateway at " + server + " does not come to an end with its answer");
        } catch (ExecutionException failed) {
            Throwable e = failed.getCause() == null ? failed : failed.getCause();
            String why = e instanceof ConnectException
                    ? "nothing answers there; does it run?"
                    : e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw new CommandFailure(3, "cannot reach the gateway at " + server + ": " + why);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailure(1, "interrupted");
        }
    }

    private JsonNode answer(int status, String text) throws CommandFailure {
        JsonNode body;
        try {
            body = JSON.readTree(text);
        } catch (IOException e) {
            throw new CommandFailure(3, server + " does not answer as a gateway does; is it one?");
        }
        if (status / 100 != 2) {
            StringBuilder error = new StringBuilder(body.path("error").asText("the gateway answered " + status));
            body.path("problems").forEach(problem -> error.append('\n').append(problem.asText()));
            throw new CommandFailure(1, error.toString());
        }
        return body;
    }
}
