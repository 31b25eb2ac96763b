//! The table of metrics as `docs/metrics.md`.

use std::fmt::Write;

use super::names::{Kind, Labels, Metric};

/// The text of `docs/metrics.md`.
pub fn reference_markdown() -> String {
    let mut text = String::from(
        "# Metrics\n\n\
         What `GET /metrics` tells, in the text format of Prometheus. Generated from `src/ops/metrics/names.rs`; \
         to write it anew: `vod-receiver metrics > docs/metrics.md`.\n\n\
         Every series is there from the start, counters at 0, so that `rate()` works from the first scrape. No label \
         holds a path, a token, a user or a file id. Each receiver tells of itself alone: sum over the receivers, and \
         take the smallest age. The two metrics of the process bear the names that every Prometheus client gives them.\n\n\
         | metric | kind | what it tells |\n| --- | --- | --- |\n",
    );
    for metric in Metric::ALL {
        let kind = match metric.kind() {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let _ = writeln!(
            text,
            "| `{}` | {kind} | {}{} |",
            metric.name(),
            metric.help(),
            label_words(*metric)
        );
    }
    text
}

/// Each label with its values, or the bounds of a histogram.
fn label_words(metric: Metric) -> String {
    let Labels { names, rows } = metric.labels();
    let mut text = String::new();
    for (column, name) in names.iter().enumerate() {
        let mut values: Vec<&str> = Vec::new();
        for row in rows {
            if !values.contains(&row[column]) {
                values.push(row[column]);
            }
        }
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        let _ = match (*name, values.as_slice()) {
            ("version", _) => write!(text, "<br>`{name}`"),
            ("status", _) => write!(text, "<br>`{name}`: `2xx`, `4xx`, `5xx`"),
            (_, []) => write!(
                text,
                "<br>`{name}`: as in [openapi.json](openapi.json), or `none`"
            ),
            (_, values) => write!(text, "<br>`{name}`: {}", values.join(", ")),
        };
    }
    if let Kind::Histogram(bounds) = metric.kind() {
        let bounds: Vec<String> = bounds.iter().map(f64::to_string).collect();
        let _ = write!(text, "<br>Buckets: {}", bounds.join(", "));
    }
    text
}
