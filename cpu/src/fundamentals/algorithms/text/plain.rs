//! Classifiers of bags of words in a few lines each.

use super::corpus::{Bag, first_largest, shares};

/// Bags with their classes.
#[derive(Clone, Copy)]
pub struct Samples<'a> {
    /// The bags.
    pub bags: &'a [Bag],
    /// The class of each.
    pub labels: &'a [u8],
    /// V, the words that have numbers.
    pub n_words: usize,
    /// C, the classes.
    pub n_classes: usize,
}

/// The naive rule of Bayes: words come independently of each other, with shares that depend on the class.
pub struct NaiveBayes {
    /// `ln P(class)`, `[C]`.
    classes: Vec<f64>,
    /// `ln P(word | class)`, `[V, C]`.
    words: Vec<f64>,
}

impl NaiveBayes {
    /// Counts texts and words of each class. Each count begins with 1, so that nothing has the
    /// probability 0.
    pub fn fit(samples: Samples) -> NaiveBayes {
        let Samples {
            bags,
            labels,
            n_words,
            n_classes,
        } = samples;
        let mut classes = vec![1.0; n_classes];
        let mut words = vec![1.0; n_words * n_classes];
        let mut of_class = vec![n_words as f64; n_classes];
        for (bag, &label) in bags.iter().zip(labels) {
            let label = usize::from(label);
            classes[label] += 1.0;
            for &(word, count) in bag {
                words[word as usize * n_classes + label] += f64::from(count);
                of_class[label] += f64::from(count);
            }
        }
        for words in words.chunks_mut(n_classes) {
            for (word, of_class) in words.iter_mut().zip(&of_class) {
                *word = (*word / of_class).ln();
            }
        }
        let n_texts: f64 = classes.iter().sum();
        classes
            .iter_mut()
            .for_each(|class| *class = (*class / n_texts).ln());
        NaiveBayes { classes, words }
    }

    /// `ln P(class) + Σ n ln P(word | class)` for each class, a sum over words that are there `n` times.
    pub fn scores(&self, bag: &Bag) -> Vec<f64> {
        let mut scores = self.classes.clone();
        for &(word, count) in bag {
            let words = &self.words[word as usize * scores.len()..];
            for (score, word) in scores.iter_mut().zip(words) {
                *score += f64::from(count) * word;
            }
        }
        scores
    }

    /// The most likely class, the first of those that are as likely.
    pub fn predict(&self, bag: &Bag) -> u8 {
        first_largest(&self.scores(bag))
    }

    /// The word that speaks most for a class, compared with how much it does so for all classes on average.
    pub fn most_typical(&self, class: usize) -> usize {
        let n_classes = self.classes.len();
        let strength = |words: &[f64]| words[class] - words.iter().sum::<f64>() / n_classes as f64;
        let words = self.words.chunks(n_classes).map(strength).enumerate();
        let best = words.max_by(|(_, a), (_, b)| a.total_cmp(b));
        best.map_or(0, |(word, _)| word)
    }
}

/// Logistic regression with a class for each of several outcomes: `P = softmax(x W + b)`, where `x` are the
/// words' shares.
pub struct Logistic {
    /// W, `[V, C]`.
    weights: Vec<f64>,
    /// b, `[C]`.
    biases: Vec<f64>,
}

impl Logistic {
    /// Goes through the samples `n_epochs` times, with a step against the gradient of `-ln P(label)` for
    /// each: by W it is `x (P - t)`, where `t` is 1 for the label and else 0. The rate falls to 0 in equal
    /// parts, so that the last samples count no more than others.
    pub fn fit(samples: Samples, n_epochs: usize, learning_rate: f64) -> Logistic {
        let n_classes = samples.n_classes;
        let mut model = Logistic {
            weights: vec![0.0; samples.n_words * n_classes],
            biases: vec![0.0; n_classes],
        };
        for epoch in 0..n_epochs {
            let rate = learning_rate * (1.0 - epoch as f64 / n_epochs as f64);
            for (bag, &label) in samples.bags.iter().zip(samples.labels) {
                let mut steps = model.probabilities(bag);
                steps[usize::from(label)] -= 1.0;
                steps.iter_mut().for_each(|step| *step *= rate);
                for (bias, step) in model.biases.iter_mut().zip(&steps) {
                    *bias -= step;
                }
                for (word, share) in shares(bag) {
                    let weights = &mut model.weights[word * n_classes..][..n_classes];
                    for (weight, step) in weights.iter_mut().zip(&steps) {
                        *weight -= step * f64::from(share);
                    }
                }
            }
        }
        model
    }

    /// P, for each class.
    pub fn probabilities(&self, bag: &Bag) -> Vec<f64> {
        let mut scores = self.biases.clone();
        for (word, share) in shares(bag) {
            let weights = &self.weights[word * scores.len()..];
            for (score, weight) in scores.iter_mut().zip(weights) {
                *score += f64::from(share) * weight;
            }
        }
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        scores
            .iter_mut()
            .for_each(|score| *score = (*score - largest).exp());
        let sum: f64 = scores.iter().sum();
        scores.iter_mut().for_each(|score| *score /= sum);
        scores
    }

    /// The most likely class, the first of those that are as likely.
    pub fn predict(&self, bag: &Bag) -> u8 {
        first_largest(&self.probabilities(bag))
    }
}
