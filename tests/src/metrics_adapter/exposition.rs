//! One metric out of a page of them.

/// The sum of a metric's samples, in Prometheus's or OpenMetrics' text; none where it is not there.
pub fn sum(page: &str, metric: &str) -> Option<f64> {
    let samples = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(metric)?;
        // With labels, or the value at once; else it is another metric whose name begins alike.
        let value = match rest.strip_prefix('{') {
            Some(labels) => labels.rsplit_once('}')?.1,
            None => rest.strip_prefix(' ')?,
        };
        value.split_whitespace().next()?.parse::<f64>().ok()
    });
    samples.fold(None, |sum, sample| Some(sum.unwrap_or_default() + sample))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_this_name_are_summed() {
        let page = "# HELP open Streams.\n# TYPE open gauge\nopen{core=\"0\",of=\"{a}\"} 2\nopen{core=\"1\"} 3 1700000000\n\
                    open_connections 7\nother 1\nhalf 0.5\n# EOF\n";
        assert_eq!(sum(page, "open"), Some(5.0));
        assert_eq!(sum(page, "open_connections"), Some(7.0));
        assert_eq!(sum(page, "half"), Some(0.5));
        assert_eq!(sum(page, "ope"), None);
        assert_eq!(sum(page, "# TYPE"), None);
    }
}
