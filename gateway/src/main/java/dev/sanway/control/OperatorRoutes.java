package dev.sanway.control;

import static dev.sanway.control.Route.Method.DELETE;
import static dev.sanway.control.Route.Method.POST;
import static dev.sanway.control.Route.Method.PUT;
import static dev.sanway.metadata.OperatorRecord.Role.admin;
import static dev.sanway.metadata.OperatorRecord.Role.viewer;

import dev.sanway.control.AccessViews.AuditView;
import dev.sanway.control.AccessViews.CallerView;
import dev.sanway.control.AccessViews.NewTokenView;
import dev.sanway.control.AccessViews.OperatorView;
import dev.sanway.control.AccessViews.TokenView;
import dev.sanway.metadata.OperatorRecord.Role;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Operators, tokens, log-in and the audit log in the API. */
final class OperatorRoutes {

    private static final String NOUN = "operator";
    private static final int DEFAULT_DAYS = 365;
    private static final int AUDIT_AT_ONCE = 1000;

    private final Operators operators;
    private final AuditLog audit;

    OperatorRoutes(Operators operators, AuditLog audit) {
        this.operators = operators;
        this.audit = audit;
    }

    record NewOperatorBody(
            @ApiField(value = "Its name.", required = true) @Nullable
            String name,

            @ApiField(value = "viewer, operator or admin.", required = true) @Nullable
            String role,

            @ApiField(value = "12 to 256 characters.", required = true) @Nullable
            String password) {
        @Override
        public String toString() {
            return name + " (" + role + ")";
        }
    }

    record PasswordBody(
            @ApiField(value = "The new one, 12 to 256 characters.", required = true) @Nullable
            String password,

            @ApiField("The one it has; administrators leave it out.") @Nullable
            String current) {
        @Override
        public String toString() {
            return "a password";
        }
    }

    record RoleBody(
            @ApiField(value = "viewer, operator or admin.", required = true) @Nullable
            String role) {}

    record LoginBody(
            @ApiField(value = "An operator's name.", required = true) @Nullable
            String operator,

            @ApiField(value = "Its password.", required = true) @Nullable
            String password,

            @ApiField("What the token is for, for people.") @Nullable
            String label) {
        @Override
        public String toString() {
            return "log-in of " + operator;
        }
    }

    record TokenBody(
            @ApiField("Whose; left out: the caller's own.") @Nullable
            String operator,

            @ApiField("What it is for, for people.") @Nullable
            String label,

            @ApiField("How long it is valid, 1 to 3650 (365).") @Nullable
            Integer days,

            @ApiField("The caller's own; wanted for a token that outlives the one with which it is asked for.")
            @Nullable
            String password) {
        @Override
        public String toString() {
            return "a token of " + operator;
        }
    }

    List<Route> routes() {
        return List.of(
                Route.list(
                        "/api/v1/operators",
                        admin,
                        NOUN,
                        "Lists operators.",
                        OperatorView.class,
                        _ -> operators.list()),
                Route.change(
                                POST,
                                "/api/v1/operators",
                                admin,
                                NOUN,
                                "Makes an operator.",
                                OperatorView.class,
                                this::create)
                        .takes(NewOperatorBody.class),
                Route.change(
                        DELETE,
                        "/api/v1/operators/{name}",
                        admin,
                        NOUN,
                        "Deletes an operator; its tokens are worth nothing from then on.",
                        OperatorView.class,
                        request -> operators.delete(request.path("name"))),
                Route.change(
                                PUT,
                                "/api/v1/operators/{name}/password",
                                viewer,
                                NOUN,
                                "Gives an operator another password: everybody oneself, administrators anybody. "
                                        + "Its other tokens are worth nothing from then on.",
                                OperatorView.class,
                                this::password)
                        .takes(PasswordBody.class),
                Route.change(
                                PUT,
                                "/api/v1/operators/{name}/role",
                                admin,
                                NOUN,
                                "Gives an operator another role.",
                                OperatorView.class,
                                request -> operators.role(
                                        request.path("name"),
                                        role(request.body(RoleBody.class, "{\"role\": \"viewer\"}")
                                                .role())))
                        .takes(RoleBody.class),
                Route.change(
                                POST,
                                "/api/v1/login",
                                viewer,
                                "token",
                                "Gives a token, valid for 12 hours, for a password.",
                                NewTokenView.class,
                                this::login)
                        .takes(LoginBody.class)
                        .withoutToken(),
                Route.get(
                        "/api/v1/whoami",
                        viewer,
                        "token",
                        "Says whose token the call bears.",
                        CallerView.class,
                        request -> new CallerView(
                                request.caller().name(), request.caller().role())),
                Route.list(
                        "/api/v1/tokens",
                        viewer,
                        "token",
                        "Lists valid tokens: one's own, and to administrators everybody's.",
                        TokenView.class,
                        request -> operators.tokens(request.caller())),
                Route.change(
                                POST,
                                "/api/v1/tokens",
                                viewer,
                                "token",
                                "Makes a token. It is shown this once.",
                                NewTokenView.class,
                                this::token)
                        .takes(TokenBody.class),
                Route.change(
                        DELETE,
                        "/api/v1/tokens/{id}",
                        viewer,
                        "token",
                        "Makes a token worth nothing.",
                        TokenView.class,
                        request -> operators.revoke(request.caller(), request.path("id"))),
                Route.list(
                                "/api/v1/audit",
                                admin,
                                "audit",
                                "Lists who changed what, oldest first; the latest 1,000 entries.",
                                AuditView.class,
                                request -> audit.after(request.number("after", 0), AUDIT_AT_ONCE))
                        .query("after", "integer", "Only those after the entry with this id."));
    }

    private static Role role(@Nullable String name) throws ApiRefusal {
        return Arrays.stream(Role.values())
                .filter(role -> role.name().equals(name))
                .findFirst()
                .orElseThrow(() -> ApiRefusal.malformed((name == null ? "nothing" : "\"" + name + "\"")
                        + " is no role; write viewer (looks), operator (makes and grows hosts and volumes) "
                        + "or admin (everything)"));
    }

    private OperatorView create(ApiRequest request) throws ApiRefusal {
        NewOperatorBody body = request.body(
                NewOperatorBody.class, "{\"name\": \"anna\", \"role\": \"operator\", \"password\": \"...\"}");
        return operators.create(
                Objects.requireNonNullElse(body.name(), ""),
                role(body.role()),
                Objects.requireNonNullElse(body.password(), ""));
    }

    private OperatorView password(ApiRequest request) throws ApiRefusal {
        PasswordBody body = request.body(PasswordBody.class, "{\"password\": \"...\", \"current\": \"...\"}");
        return operators.password(
                request.caller(),
                request.from(),
                request.path("name"),
                Objects.requireNonNullElse(body.current(), ""),
                Objects.requireNonNullElse(body.password(), ""));
    }

    private NewTokenView login(ApiRequest request) throws ApiRefusal {
        LoginBody body = request.body(LoginBody.class, "{\"operator\": \"anna\", \"password\": \"...\"}");
        String name = Objects.requireNonNullElse(body.operator(), "");
        try {
            NewTokenView token = operators.login(
                    name,
                    Objects.requireNonNullElse(body.password(), ""),
                    request.from(),
                    Objects.requireNonNullElse(body.label(), ""));
            note(request, name, 200, "done");
            return token;
        } catch (ApiRefusal refusal) {
            // Those that are too many only come into the log, lest they push everything else out.
            if (refusal.status() != 429) {
                note(request, name, refusal.status(), String.valueOf(refusal.getMessage()));
            }
            throw refusal;
        }
    }

    private void note(ApiRequest request, String name, int status, String outcome) {
        audit.note(name, request.from(), "POST", request.context().path(), status, outcome);
    }

    private NewTokenView token(ApiRequest request) throws ApiRefusal {
        TokenBody body = request.body(TokenBody.class, "{\"label\": \"backup script\", \"days\": 90}");
        return operators.token(
                request.caller(),
                request.from(),
                Objects.requireNonNullElse(body.operator(), ""),
                Objects.requireNonNullElse(body.label(), ""),
                Objects.requireNonNullElse(body.days(), DEFAULT_DAYS),
                Objects.requireNonNullElse(body.password(), ""));
    }
}
