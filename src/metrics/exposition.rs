//! The numbers as text: Prometheus' text format 0.0.4, and OpenMetrics 1.0 for who asks for it.
//!
//! They differ in three things that matter here: OpenMetrics names a counter's family without `_total`, knows units, and
//! ends with `# EOF`. Invariant: a family stands once and whole, its `# HELP` and `# TYPE` before its samples.

use super::{Family, Kind, Metrics, Value};
use std::fmt::Write;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    OpenMetrics,
}

pub const TEXT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
pub const OPEN_METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Form {
    /// What an `Accept` header field asks for: OpenMetrics only when it is named.
    pub fn asked(accept: Option<&str>) -> Form {
        match accept {
            Some(accept) if accept.contains("application/openmetrics-text") => Form::OpenMetrics,
            _ => Form::Text,
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Form::Text => TEXT_TYPE,
            Form::OpenMetrics => OPEN_METRICS_TYPE,
        }
    }
}

impl Metrics {
    /// Every family that has a value.
    pub fn render(&self, form: Form) -> String {
        let kept = self.lock();
        let mut text = String::new();
        for (family, series) in kept.values().filter(|(_, series)| !series.is_empty()) {
            head(&mut text, family, form);
            for (labels, value) in series {
                sample(&mut text, family, labels, value);
            }
        }
        if form == Form::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

fn head(text: &mut String, family: &Family, form: Form) {
    let (kind, name) = match family.kind {
        Kind::Counter if form == Form::OpenMetrics => ("counter", family.name.trim_end_matches("_total")),
        Kind::Counter => ("counter", family.name),
        Kind::Gauge => ("gauge", family.name),
        Kind::Histogram(_) => ("histogram", family.name),
    };
    let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
    if form == Form::OpenMetrics
        && let Some(unit) = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")))
    {
        let _ = writeln!(text, "# UNIT {name} {unit}");
    }
}

fn sample(text: &mut String, family: &Family, labels: &[String], value: &Value) {
    let name = family.name;
    match (value, family.kind) {
        (Value::Spread { counts, sum, count }, Kind::Histogram(bounds)) => {
            let mut so_far = 0;
            for (bound, many) in bounds.iter().zip(counts) {
                so_far += many;
                let braces = braces(family.labels, labels, Some(&bound.to_string()));
                let _ = writeln!(text, "{name}_bucket{braces} {so_far}");
            }
            let _ = writeln!(text, "{name}_bucket{} {count}", braces(family.labels, labels, Some("+Inf")));
            let braces = braces(family.labels, labels, None);
            let _ = writeln!(text, "{name}_sum{braces} {sum}\n{name}_count{braces} {count}");
        }
        (Value::Number(number), _) => {
            let _ = writeln!(text, "{name}{} {number}", braces(family.labels, labels, None));
        }
        (Value::Spread { .. }, _) => {}
    }
}

fn braces(names: &[&str], values: &[String], bound: Option<&str>) -> String {
    let labels = names.iter().zip(values).map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    let all: Vec<String> = labels.chain(bound.map(|bound| format!("le=\"{bound}\""))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

/// A label value as both forms want it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::family;
    use super::*;

    #[test]
    fn both_forms_tell_the_same_numbers() {
        let metrics = Metrics::default();
        metrics.add(&family::PIECES, &["mailbox", "email"], 2);
        metrics.add(&family::PIECES, &["mailbox", "email"], 1);
        let line = "bode_pieces_total{source=\"mailbox\",channel=\"email\"} 3\n";
        let (text, open) = (metrics.render(Form::Text), metrics.render(Form::OpenMetrics));
        assert!(text.contains("# TYPE bode_pieces_total counter\n") && text.contains(line), "{text}");
        assert!(open.contains("# TYPE bode_pieces counter\n") && open.contains(line), "{open}");
        assert!(open.ends_with("# EOF\n") && !text.contains("# EOF"));
        assert!(open.contains("# UNIT bode_stage_seconds seconds\n"));
    }

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        let metrics = Metrics::default();
        metrics.set(&family::UP, &["a\"b\\c\nd"], 1.0);
        assert!(metrics.render(Form::Text).contains("bode_up{part=\"a\\\"b\\\\c\\nd\"} 1\n"));
    }

    #[test]
    fn open_metrics_is_given_to_who_names_it() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Form::asked(Some(prometheus)), Form::OpenMetrics);
        assert_eq!(Form::asked(Some("text/plain, */*")), Form::Text);
        assert_eq!(Form::asked(None), Form::Text);
    }
}
