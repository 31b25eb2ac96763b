import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Follows what happens to uploads, in Java 17 or newer, without packages.
 *
 * <pre>
 * RECEIVER_KEY=... java -cp out Follow live        one connection, told at once
 * RECEIVER_KEY=... java -cp out Follow changes     asks for what is new, and waits for it
 * </pre>
 */
public final class Follow {
    private static final String RECEIVER_URL = System.getenv().getOrDefault("RECEIVER_URL", "http://127.0.0.1:8080");
    private static final String RECEIVER_KEY = System.getenv("RECEIVER_KEY");
    private static final Path CURSOR_FILE = Path.of(System.getenv().getOrDefault("CURSOR_FILE", "cursor"));

    private static final class Gone extends Exception {
    }

    /** Yours. An upload may come more than once: write it by its file id, in one transaction with the cursor. */
    private static void handle(String event, Map<String, Object> upload) {
        Object user = upload.get("user_id");
        System.out.println(event + " " + upload.get("file_id") + " " + (user == null ? "-" : user));
    }

    private static String load() throws IOException {
        return Files.exists(CURSOR_FILE) ? Files.readString(CURSOR_FILE) : null;
    }

    private static void save(Object cursor) throws IOException {
        Path written = Path.of(CURSOR_FILE + ".new");
        Files.writeString(written, (String) cursor);
        Files.move(written, CURSOR_FILE, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static BufferedReader ask(String path, String cursor) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) URI.create(RECEIVER_URL + path).toURL().openConnection();
        connection.setConnectTimeout(10_000);
        connection.setReadTimeout(70_000); // a stream says something every 15 s, and no wait is longer than 60
        connection.setRequestProperty("Authorization", "Bearer " + RECEIVER_KEY);
        if (cursor != null) connection.setRequestProperty("Last-Event-ID", cursor);
        int status = connection.getResponseCode();
        if (status == 410) throw new Gone();
        InputStream body = status == 200 ? connection.getInputStream() : connection.getErrorStream();
        BufferedReader lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
        if (status == 200) return lines;
        throw new IOException("vod-receiver: " + status + " " + lines.readLine());
    }

    private static Map<String, Object> askJson(String path) throws Exception {
        try (BufferedReader answer = ask(path, null)) {
            return Json.object(Json.read(answer.lines().collect(Collectors.joining("\n"))));
        }
    }

    /** The first time, and when a cursor is too old: first where the feed is now, then all that is there. */
    private static void begin() throws Exception {
        Object now = askJson("/v1/uploads/changes").get("next_cursor");
        String cursor = "";
        while (cursor != null) {
            Map<String, Object> page = askJson("/v1/uploads?order=asc&limit=200" + cursor);
            for (Object upload : Json.array(page.get("items"))) handle("upload.read", Json.object(upload));
            Object next = page.get("next_cursor");
            cursor = next == null ? null : "&cursor=" + next; // of letters, digits, - and _ only
        }
        save(now);
    }

    private static void tell(Object told) throws IOException {
        Map<String, Object> change = Json.object(told);
        if (change.get("upload") != null) handle((String) change.get("event"), Json.object(change.get("upload")));
        save(change.get("cursor"));
    }

    /** Server-Sent Events: lines, and an empty one after each event. */
    private static void live() throws Exception {
        String event = "";
        String data = "";
        try (BufferedReader lines = ask("/v1/uploads/live", load())) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("event: ")) event = line.substring(7);
                if (line.startsWith("data: ")) data = line.substring(6);
                if (!line.isEmpty()) continue;
                if (event.equals("end") && "gone".equals(Json.object(Json.read(data)).get("reason"))) throw new Gone();
                if (event.startsWith("upload.")) tell(Json.read(data));
                event = "";
                data = "";
            }
        }
    }

    private static void changes() throws Exception {
        Map<String, Object> page = askJson("/v1/uploads/changes?wait=30&limit=200&after=" + load());
        for (Object change : Json.array(page.get("items"))) tell(change);
        save(page.get("next_cursor"));
    }

    public static void main(String[] arguments) throws Exception {
        boolean isLive = arguments.length == 1 && arguments[0].equals("live");
        if (!isLive && !(arguments.length == 1 && arguments[0].equals("changes"))) {
            System.err.println("java -cp out Follow live|changes");
            System.exit(2);
        }
        while (true) {
            try {
                if (load() == null) begin();
                if (isLive) live();
                else changes();
            } catch (Gone gone) {
                Files.delete(CURSOR_FILE);
            } catch (IOException | RuntimeException fault) {
                System.err.println(fault);
                Thread.sleep(1000);
            }
        }
    }
}
