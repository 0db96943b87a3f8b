//! How well a classifier does, from its predictions and scores, on the host.
//!
//! C classes. Ratios are shares from 0 to 1.

/// `counts[label][prediction]` images, `[C][C]`.
///
/// ```
/// use cpu::metrics;
///
/// let confusion = metrics::confusion(&[0, 0, 1], &[0, 1, 1], 2);
/// assert_eq!(confusion, [[1, 1], [0, 1]]);
/// assert_eq!(metrics::accuracy(&confusion), 2.0 / 3.0);
/// let classes = metrics::per_class(&confusion);
/// assert_eq!((classes[0].precision, classes[0].recall), (1.0, 0.5));
/// ```
///
/// # Panics
///
/// If there are not as many labels as predictions, or one is not below `n_classes`.
pub fn confusion(labels: &[u8], predictions: &[u8], n_classes: usize) -> Vec<Vec<usize>> {
    assert_eq!(labels.len(), predictions.len(), "labels and predictions");
    let mut counts = vec![vec![0; n_classes]; n_classes];
    for (&label, &prediction) in labels.iter().zip(predictions) {
        counts[usize::from(label)][usize::from(prediction)] += 1;
    }
    counts
}

/// Share of all images whose prediction is the label; 0 if there is no image.
pub fn accuracy(confusion: &[Vec<usize>]) -> f64 {
    let n_correct = confusion.iter().enumerate().map(|(class, row)| row[class]);
    share(n_correct.sum(), confusion.iter().flatten().sum())
}

/// What a classifier makes of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassMetrics {
    /// Images of the class.
    pub n_images: usize,
    /// Of the images that were predicted to be of the class, the share that is; 0 if there are none.
    pub precision: f64,
    /// Of the images of the class, the share that was predicted to be; 0 if there are none.
    pub recall: f64,
    /// `2 precision recall / (precision + recall)`, the harmonic mean of the two; 0 if both are 0.
    pub f1: f64,
}

/// Precision, recall and F1 of each class, from a [`confusion`] matrix. Where there is nothing to take
/// a share of, it is 0, as in scikit-learn's `zero_division=0`.
pub fn per_class(confusion: &[Vec<usize>]) -> Vec<ClassMetrics> {
    let of_class = |class: usize| {
        let n_correct = confusion[class][class];
        let n_images = confusion[class].iter().sum();
        let n_predicted = confusion.iter().map(|row| row[class]).sum();
        ClassMetrics {
            n_images,
            precision: share(n_correct, n_predicted),
            recall: share(n_correct, n_images),
            // The same as the harmonic mean, rounded once.
            f1: share(2 * n_correct, n_predicted + n_images),
        }
    };
    (0..confusion.len()).map(of_class).collect()
}

/// How many classes have a higher score than the label, for each row of `scores`, `[B, C]`: 0 where the
/// label is what is predicted.
///
/// Scores are probabilities or logits. As in predictions, the first of equal ones counts as higher, and
/// a NaN as higher than any number.
///
/// ```
/// use cpu::metrics;
///
/// let scores = [0.1, 0.7, 0.2, 0.5, 0.1, 0.4];
/// let ranks = metrics::label_ranks(&scores, &[2, 1], 3);
/// assert_eq!(ranks, [1, 2]);
/// assert_eq!(metrics::top_k(&ranks, 2), 0.5);
/// ```
///
/// # Panics
///
/// If `scores` has not `n_classes` for each label, or a label is not below `n_classes`.
pub fn label_ranks(scores: &[f32], labels: &[u8], n_classes: usize) -> Vec<usize> {
    assert_eq!(scores.len(), labels.len() * n_classes, "scores and labels");
    let rank = |(row, &label): (&[f32], &u8)| {
        let label = usize::from(label);
        let own = row[label];
        let is_above = |&(class, &score): &(usize, &f32)| {
            let is_equal = score == own || (score.is_nan() && own.is_nan());
            let is_higher = score > own || (score.is_nan() && !own.is_nan());
            is_higher || (is_equal && class < label)
        };
        row.iter().enumerate().filter(is_above).count()
    };
    scores
        .chunks_exact(n_classes)
        .zip(labels)
        .map(rank)
        .collect()
}

/// Share of the images whose label is among the `k` classes with the highest scores, from their
/// [`label_ranks`]; 0 if there is no image.
pub fn top_k(label_ranks: &[usize], k: usize) -> f64 {
    let n_within = label_ranks.iter().filter(|&&rank| rank < k).count();
    share(n_within, label_ranks.len())
}

/// `part / whole`, and 0 of nothing.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_nothing_are_0() {
        let empty = confusion(&[], &[], 2);
        assert_eq!(accuracy(&empty), 0.0);
        assert_eq!(top_k(&[], 1), 0.0);
        // Class 1 is never predicted, class 2 never there.
        let classes = per_class(&confusion(&[0, 1], &[0, 2], 3));
        let ratios = |class: usize| {
            let class = classes[class];
            [class.precision, class.recall, class.f1]
        };
        assert_eq!(ratios(0), [1.0; 3]);
        assert_eq!(ratios(1), [0.0; 3]);
        assert_eq!(ratios(2), [0.0; 3]);
    }

    #[test]
    fn ranks_of_equal_scores_and_of_nan() {
        let nan = f32::NAN;
        for (scores, ranks) in [
            ([1.0, 1.0, 1.0], [0, 1, 2]),
            ([2.0, 1.0, 2.0], [0, 2, 1]),
            ([nan, 5.0, nan], [0, 2, 1]),
            ([0.0, -0.0, 1.0], [1, 2, 0]),
        ] {
            let actual = [0, 1, 2].map(|label| label_ranks(&scores, &[label], 3)[0]);
            assert_eq!(actual, ranks, "{scores:?}");
        }
    }
}
