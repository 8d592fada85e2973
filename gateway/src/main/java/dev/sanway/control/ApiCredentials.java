package dev.sanway.control;

import dev.sanway.file.SmallFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.Date;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * The REST API's certificate and token, made at first start and kept in the state directory: {@code api.p12} (key and
 * certificate, its password beside it in {@code api.token}'s safe-keeping), {@code api.crt} (for clients to trust) and {@code
 * api.token}. Readable by the owner only, but for the certificate.
 */
public final class ApiCredentials {

    public static final String TOKEN_FILE = "api.token";
    public static final String CERTIFICATE_FILE = "api.crt";
    private static final String KEYSTORE_FILE = "api.p12";
    private static final String ALIAS = "api";
    private static final int TOKEN_BYTES = 32;

    /** The file's permissions protect the key; PKCS #12 wants some password. */
    private static final char[] KEYSTORE_PASSWORD = "sanway".toCharArray();

    private final KeyStore keyStore;
    private final byte[] tokenDigest;

    private ApiCredentials(KeyStore keyStore, String token) {
        this.keyStore = keyStore;
        this.tokenDigest = sha256(token);
    }

    /** Reads what the directory holds and makes what is missing. */
    public static ApiCredentials open(Path stateDirectory, InetAddress management)
            throws IOException, GeneralSecurityException {
        Path tokenFile = stateDirectory.resolve(TOKEN_FILE);
        if (!Files.exists(tokenFile)) {
            byte[] random = new byte[TOKEN_BYTES];
            new SecureRandom().nextBytes(random);
            writeSafely(
                    tokenFile,
                    (Base64.getUrlEncoder().withoutPadding().encodeToString(random) + "\n")
                            .getBytes(StandardCharsets.US_ASCII));
        }
        Path keyStoreFile = stateDirectory.resolve(KEYSTORE_FILE);
        if (!Files.exists(keyStoreFile) || !Files.exists(stateDirectory.resolve(CERTIFICATE_FILE))) {
            create(keyStoreFile, stateDirectory.resolve(CERTIFICATE_FILE), management);
        }
        KeyStore keyStore = KeyStore.getInstance("PKCS12");
        keyStore.load(
                new ByteArrayInputStream(
                        SmallFile.read(keyStoreFile, SmallFile.MAX_KEY_BYTES).bytes()),
                KEYSTORE_PASSWORD);
        return new ApiCredentials(keyStore, SmallFile.secret(tokenFile));
    }

    private static void create(Path keyStoreFile, Path certificateFile, InetAddress management)
            throws IOException, GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(256);
        KeyPair pair = generator.generateKeyPair();
        Instant now = Instant.now();
        X500Name name = new X500Name("CN=sanway gateway");
        X509Certificate certificate;
        try {
            JcaX509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                    name,
                    new BigInteger(127, new SecureRandom()),
                    Date.from(now.minus(1, ChronoUnit.DAYS)),
                    Date.from(now.plus(3650, ChronoUnit.DAYS)),
                    name,
                    pair.getPublic());
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
            builder.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(new GeneralName[] {
                new GeneralName(GeneralName.dNSName, "localhost"),
                new GeneralName(GeneralName.iPAddress, "127.0.0.1"),
                new GeneralName(GeneralName.iPAddress, "::1"),
                new GeneralName(
                        GeneralName.iPAddress, management.getHostAddress().replaceAll("%.*", ""))
            }));
            certificate = new JcaX509CertificateConverter()
                    .getCertificate(
                            builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate())));
        } catch (OperatorCreationException e) {
            throw new GeneralSecurityException(e);
        }
        KeyStore keyStore = KeyStore.getInstance("PKCS12");
        keyStore.load(null, null);
        keyStore.setKeyEntry(ALIAS, pair.getPrivate(), KEYSTORE_PASSWORD, new X509Certificate[] {certificate});
        java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
        keyStore.store(out, KEYSTORE_PASSWORD);
        writeSafely(keyStoreFile, out.toByteArray());
        String pem = "-----BEGIN CERTIFICATE-----\n"
                + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded())
                + "\n-----END CERTIFICATE-----\n";
        Files.writeString(certificateFile, pem);
    }

    /** Writes a file that only its owner may read: never visible half-written or with other permissions. */
    public static void writeSafely(Path file, byte[] content) throws IOException {
        FileAttribute<?> ownerOnly = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
        Path temporary = file.resolveSibling(file.getFileName() + ".new");
        Files.deleteIfExists(temporary);
        Files.createFile(temporary, ownerOnly);
        Files.write(temporary, content, StandardOpenOption.WRITE, StandardOpenOption.DSYNC);
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    KeyStore keyStore() {
        return keyStore;
    }

    static String keyStorePassword() {
        return new String(KEYSTORE_PASSWORD);
    }

    /** Whether this is the token; takes the same time whatever it is. */
    boolean accepts(String token) {
        return MessageDigest.isEqual(tokenDigest, sha256(token));
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
