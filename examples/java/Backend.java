import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;

/**
 * The two addresses that an app's backend needs, in Java 17 or newer, without packages.
 *
 * <pre>javac -d out *.java && RECEIVER_URL=http://127.0.0.1:8080 RECEIVER_KEY=... PORT=3000 java -cp out Backend</pre>
 */
public final class Backend {
    private static final String RECEIVER_URL = System.getenv().getOrDefault("RECEIVER_URL", "http://127.0.0.1:8080");
    private static final String RECEIVER_KEY = System.getenv("RECEIVER_KEY");
    private static final Pattern TICKET = Pattern.compile("ticket=(vt_[0-9A-Za-z]{26})");
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    /** A fault that the device may be told. */
    private static final class Refused extends Exception {
        final int status;

        Refused(int status, String message) {
            super(message);
            this.status = status;
        }
    }

    /** Yours: the user of your own session. Whatever the request's body says of the user is not to be believed. */
    private static String signedIn(HttpExchange exchange) throws Refused {
        String user = exchange.getRequestHeaders().getFirst("X-Demo-User");
        if (user == null || user.isEmpty()) throw new Refused(401, "sign in first");
        return user;
    }

    private static Map<String, Object> receiver(String path, Map<String, Object> body, int seconds) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(RECEIVER_URL + path))
                .timeout(Duration.ofSeconds(seconds))
                .header("Authorization", "Bearer " + RECEIVER_KEY);
        if (body != null) request.header("Content-Type", "application/json").POST(BodyPublishers.ofString(Json.write(body)));
        HttpResponse<String> answer = CLIENT.send(request.build(), BodyHandlers.ofString());
        switch (answer.statusCode()) {
            case 200, 201:
                return Json.object(Json.read(answer.body()));
            case 409:
                throw new Refused(409, "the ticket is not yours");
            case 404:
                throw new Refused(404, "there is no such ticket");
            default: // for your log, not for the device
                throw new IOException("vod-receiver: " + answer.statusCode() + " " + answer.body());
        }
    }

    /** A fresh signature for each call of getSignature; with the ticket of the call before, for the same file. */
    private static Map<String, Object> uploadSignature(String user, HttpExchange exchange) throws Exception {
        Map<String, Object> body = new HashMap<>(Map.of("user_id", user, "expires_in", 600, "one_time", true));
        try {
            String text = new String(exchange.getRequestBody().readNBytes(4096), "UTF-8");
            body.put("ticket", Json.object(Json.read(text)).get("ticket"));
        } catch (IllegalArgumentException notJson) {
            throw new Refused(400, "that is not JSON");
        }
        Map<String, Object> issued = receiver("/v1/signatures", body, 10);
        return Map.of("signature", issued.get("signature"), "ticket", issued.get("ticket"));
    }

    /** Answers as soon as VOD has told of the upload, and after 30 s without one; then the page asks again. */
    private static Map<String, Object> myUpload(String user, HttpExchange exchange) throws Exception {
        var query = TICKET.matcher(String.valueOf(exchange.getRequestURI().getQuery()));
        if (!query.matches()) throw new Refused(400, "that is no ticket");
        Map<String, Object> told = receiver("/v1/tickets/" + query.group(1) + "?wait=30", null, 40);
        if (!user.equals(told.get("user_id"))) throw new Refused(404, "there is no such ticket");
        List<Object> uploads = new ArrayList<>();
        for (Object upload : Json.array(told.get("uploads"))) {
            Map<String, Object> shown = new HashMap<>(Json.object(upload));
            shown.keySet().retainAll(List.of("file_id", "name", "media_url"));
            uploads.add(shown);
        }
        return Map.of("uploads", uploads);
    }

    private static void answer(HttpExchange exchange) throws IOException {
        int status = 200;
        Map<String, Object> told;
        try {
            String user = signedIn(exchange);
            switch (exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath()) {
                case "POST /upload-signature" -> told = uploadSignature(user, exchange);
                case "GET /my-upload" -> told = myUpload(user, exchange);
                default -> throw new Refused(404, "nothing is here");
            }
        } catch (Refused refused) {
            status = refused.status;
            told = Map.of("error", refused.getMessage());
        } catch (Exception fault) {
            System.err.println(fault);
            status = 503;
            told = Map.of("error", "please try again");
        }
        byte[] body = Json.write(told).getBytes("UTF-8");
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "3000"));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", Backend::answer);
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
    }
}
