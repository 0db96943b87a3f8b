//! Metrics.

use cpu::metrics;

use crate::data::{Family, bytes};

#[test]
fn of_scores_and_labels() {
    let family = Family::load("metrics");
    for case in family.cases() {
        let n_classes = case.number("n_classes") as usize;
        let labels = bytes(case.values("labels"));
        let confusion = metrics::confusion(&labels, &bytes(case.values("predictions")), n_classes);
        let counts: Vec<f64> = confusion.iter().flatten().map(|&n| n as f64).collect();
        case.check_double("confusion", &counts);
        case.check_double("accuracy", &[metrics::accuracy(&confusion)]);
        let classes = metrics::per_class(&confusion);
        let each = |value: fn(&metrics::ClassMetrics) -> f64| -> Vec<f64> {
            classes.iter().map(value).collect()
        };
        case.check_double("precision", &each(|class| class.precision));
        case.check_double("recall", &each(|class| class.recall));
        case.check_double("f1", &each(|class| class.f1));
        let ranks = metrics::label_ranks(&case.narrow("scores"), &labels, n_classes);
        let top: Vec<f64> = (1..=n_classes).map(|k| metrics::top_k(&ranks, k)).collect();
        case.check_double("top", &top);
    }
}
