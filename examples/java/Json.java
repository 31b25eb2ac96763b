import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Stands in for your JSON library (Jackson, Gson): objects are maps, arrays lists, numbers their text. */
final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    static Object read(String text) {
        Json json = new Json(text);
        Object value = json.value();
        json.space();
        if (json.at < text.length()) throw json.wrong();
        return value;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object value) {
        if (value instanceof Map) return (Map<String, Object>) value;
        throw new IllegalArgumentException("not an object");
    }

    @SuppressWarnings("unchecked")
    static List<Object> array(Object value) {
        if (value instanceof List) return (List<Object>) value;
        throw new IllegalArgumentException("not an array");
    }

    static String write(Object value) {
        if (value instanceof Map) {
            List<String> members = new ArrayList<>();
            object(value).forEach((name, member) -> members.add(quoted(name) + ":" + write(member)));
            return "{" + String.join(",", members) + "}";
        }
        if (value instanceof List) return "[" + String.join(",", array(value).stream().map(Json::write).toList()) + "]";
        return value instanceof String ? quoted((String) value) : String.valueOf(value);
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') quoted.append('\\').append(c);
            else if (c < ' ' || Character.isSurrogate(c)) quoted.append(String.format("\\u%04x", (int) c));
            else quoted.append(c);
        }
        return quoted.append('"').toString();
    }

    private Object value() {
        space();
        switch (peek()) {
            case '{': {
                Map<String, Object> members = new LinkedHashMap<>();
                for (boolean more = begins('{', '}'); more; more = goesOn('}')) {
                    space();
                    String name = string();
                    space();
                    expect(':');
                    members.put(name, value());
                }
                return members;
            }
            case '[': {
                List<Object> items = new ArrayList<>();
                for (boolean more = begins('[', ']'); more; more = goesOn(']')) items.add(value());
                return items;
            }
            case '"':
                return string();
            default: {
                int from = at;
                while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
                String word = text.substring(from, at);
                if (word.equals("null")) return null;
                if (word.equals("true") || word.equals("false")) return Boolean.valueOf(word);
                return new java.math.BigDecimal(word); // throws if it is no number
            }
        }
    }

    private String string() {
        expect('"');
        StringBuilder string = new StringBuilder();
        for (char c = next(); c != '"'; c = next()) {
            if (c != '\\') string.append(c);
            else switch (c = next()) {
                case 'b' -> string.append('\b');
                case 'f' -> string.append('\f');
                case 'n' -> string.append('\n');
                case 'r' -> string.append('\r');
                case 't' -> string.append('\t');
                case 'u' -> {
                    if (at + 4 > text.length()) throw wrong();
                    string.append((char) Integer.parseInt(text.substring(at, at += 4), 16));
                }
                default -> string.append(c);
            }
        }
        return string.toString();
    }

    private boolean begins(char open, char close) {
        expect(open);
        space();
        if (peek() != close) return true;
        at++;
        return false;
    }

    private boolean goesOn(char close) {
        space();
        char c = next();
        if (c != ',' && c != close) throw wrong();
        return c == ',';
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
    }

    private char peek() {
        if (at >= text.length()) throw wrong();
        return text.charAt(at);
    }

    private char next() {
        char c = peek();
        at++;
        return c;
    }

    private void expect(char wanted) {
        if (next() != wanted) throw wrong();
    }

    private IllegalArgumentException wrong() {
        return new IllegalArgumentException("not JSON at " + at);
    }
}
