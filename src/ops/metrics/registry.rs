//! The series of each metric, registered once.

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

use super::Endpoint;
use super::names::{Kind, Metric};

/// The classes of a status; nothing here redirects.
pub const STATUS_CLASSES: [&str; 3] = ["2xx", "4xx", "5xx"];

/// The series of one metric.
pub struct Family {
    /// The values of its labels, a row a series.
    pub rows: Vec<Vec<&'static str>>,
    pub series: Series,
}

pub enum Series {
    Counters(Vec<Counter>),
    Gauges(Vec<Gauge>),
    Histograms(Vec<Histogram>),
}

impl Family {
    /// Registers every series of a metric.
    pub fn register(metric: Metric, endpoints: &[Endpoint], recorder: &PrometheusRecorder) -> Self {
        let rows = rows(metric, endpoints);
        let keys = rows.iter().map(|row| {
            let labels = metric.labels().names.iter().zip(row);
            let labels: Vec<Label> = labels
                .map(|(name, value)| Label::from_static_parts(name, value))
                .collect();
            Key::from_parts(metric.name(), labels)
        });
        let about = Metadata::new(module_path!(), Level::INFO, None);
        let (name, help) = (metric.name().into(), metric.help().into());
        let series = match metric.kind() {
            Kind::Counter => {
                recorder.describe_counter(name, None, help);
                Series::Counters(
                    keys.map(|key| recorder.register_counter(&key, &about))
                        .collect(),
                )
            }
            Kind::Gauge => {
                recorder.describe_gauge(name, None, help);
                Series::Gauges(
                    keys.map(|key| recorder.register_gauge(&key, &about))
                        .collect(),
                )
            }
            Kind::Histogram(_) => {
                recorder.describe_histogram(name, None, help);
                Series::Histograms(
                    keys.map(|key| recorder.register_histogram(&key, &about))
                        .collect(),
                )
            }
        };
        Self { rows, series }
    }

    /// The place of the series with these values.
    pub fn row(&self, labels: &[&str]) -> Option<usize> {
        self.rows.iter().position(|row| row == labels)
    }
}

/// The values of the labels of a metric, a row a series.
fn rows(metric: Metric, endpoints: &[Endpoint]) -> Vec<Vec<&'static str>> {
    match metric {
        Metric::HttpRequests => endpoints
            .iter()
            .flat_map(|&Endpoint { method, route }| {
                STATUS_CLASSES.map(|class| vec![method, route, class])
            })
            .collect(),
        Metric::HttpRequestDuration => endpoints
            .iter()
            .map(|endpoint| vec![endpoint.method, endpoint.route])
            .collect(),
        _ => metric
            .labels()
            .rows
            .iter()
            .map(|row| row.to_vec())
            .collect(),
    }
}

/// A registry that knows the bounds of the histograms.
pub fn recorder() -> PrometheusRecorder {
    let histograms = Metric::ALL.iter().filter_map(|metric| match metric.kind() {
        Kind::Histogram(bounds) => Some((metric.name(), bounds)),
        Kind::Counter | Kind::Gauge => None,
    });
    histograms
        .fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
            builder
                .set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)
                .expect("a histogram has bounds")
        })
        .build_recorder()
}

/// A family with its series in the order of their labels; the buckets of a histogram are in order.
pub fn in_order(family: &str) -> String {
    let (head, mut series): (Vec<&str>, Vec<&str>) =
        family.lines().partition(|line| line.starts_with('#'));
    if !head.iter().any(|line| line.ends_with(" histogram")) {
        series.sort_unstable();
    }
    let lines = head.iter().chain(&series);
    lines.flat_map(|line| [line, "\n"]).collect()
}
