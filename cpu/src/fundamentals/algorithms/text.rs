//! What texts are about: their words, counted, and a classifier of the counts.
//!
//! A **bag of words** forgets the order: of a text it keeps how often each word of a vocabulary of `V` words
//! is in it. Three classifiers of bags, from one that counts to one that is trained on any device:
//!
//!  - **naive Bayes**: `P(class | text) ∝ P(class) Π P(word | class)`, as if words came independently of each
//!    other; all it learns are shares of counts;
//!  - **logistic regression**: `softmax(x W + b)` of the words' shares `x` in the text, by gradient descent: it
//!    need not believe that words are independent;
//!  - **an embedding bag**: each word has a vector of `D` numbers, a text the mean of its words' vectors,
//!    and `softmax` of a linear function of the mean is trained together with the vectors. The mean is the
//!    product of the shares with the table of vectors, `x E`, so that two dense layers of the network
//!    library are this model; on a CPU or a GPU, by the same kernels as all others. Words that mean the
//!    same to the classes come to lie in the same direction.
//!
//! The texts come from a small grammar, of five topics some words of which are shared, and each word of a
//! topic is replaced by one of any topic now and then, `--noise`. What the best of all classifiers would
//! reach is known then: Bayes' rule with the grammar's own probabilities.
//!
//! **Caveats.** Words that were not in the texts to learn from have no number and say nothing; a text with
//! none that has is given the class that is most likely without it. Multiplying a dense matrix of shares,
//! most of which are 0, is `V / n` times the work of looking up `n` words, which pays for vocabularies of
//! some thousand words and not for more.
//!
//! Sources: Manning, Raghavan and Schütze, "Introduction to Information Retrieval" (2008), chapter 13; Joulin
//! et al., "Bag of tricks for efficient text classification" (2017).

mod corpus;
mod embedding_bag;
mod plain;

use std::num::NonZero;

use clap::Args;

pub use corpus::{Bag, Corpus, Vocabulary, generate, most_likely, shares, words};
pub use embedding_bag::EmbeddingBag;
pub use plain::{Logistic, NaiveBayes, Samples};

use crate::backend::{Backend, HostBackend};
use crate::fundamentals::data::{Columns, count};
use crate::fundamentals::linear_algebra::cosine::normalized;
use crate::fundamentals::linear_algebra::matrix_vector::dot;
use crate::fundamentals::{Algorithm, Harness, Work};
use crate::{Error, Result};

/// The options of `text`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Of a CSV file the first of the --columns has the texts, the second their labels, \
                        and the first line the columns' names."
)]
pub struct Options {
    /// How many texts are made; a quarter of them is held out
    #[arg(long, value_name = "N", default_value_t = 4000, value_parser = count)]
    texts: usize,

    /// How often a word of the topic is replaced by one of any topic
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    noise: f64,

    /// Words of the vocabulary, at most: the most frequent ones
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = count)]
    vocabulary: usize,

    /// Numbers of a word's embedding
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = count)]
    dimensions: usize,

    /// How often training goes through the texts
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = count)]
    epochs: usize,

    #[command(flatten)]
    columns: Columns,
}

/// Parses a share.
fn share(text: &str) -> Result<f64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// The step of logistic regression: shares are small, and so are gradients.
const LOGISTIC_RATE: f64 = 4.0;

/// The share of labels that are predicted.
fn accuracy(predictions: &[u8], labels: &[u8]) -> f64 {
    let n_correct = predictions
        .iter()
        .zip(labels)
        .filter(|(p, l)| p == l)
        .count();
    n_correct as f64 / labels.len() as f64
}

/// The bags of the texts to learn from, and of those that are held out.
struct Split<'a> {
    training: Samples<'a>,
    held_out: Samples<'a>,
}

impl Split<'_> {
    /// The accuracy on both parts.
    fn accuracies(&self, predict: impl Fn(&Bag) -> u8) -> [f64; 2] {
        [&self.training, &self.held_out].map(|part| {
            let predictions: Vec<u8> = part.bags.iter().map(&predict).collect();
            accuracy(&predictions, part.labels)
        })
    }
}

/// An embedding bag, trained.
struct Trained {
    loss: f64,
    accuracies: [f64; 2],
    predictions: Vec<u8>,
    embeddings: Vec<f32>,
    /// Of its outputs, against the mean of embeddings that are looked up.
    error: f64,
}

impl Options {
    fn train<B: Backend + 'static>(
        &self,
        backend: &B,
        split: &Split,
        seed: u64,
    ) -> Result<Trained> {
        let mut model = EmbeddingBag::new(backend, split.training, self.dimensions, seed)?;
        for _ in 0..self.epochs {
            model.epoch(backend)?;
        }
        let of_training = model.predict(backend, split.training.bags)?;
        let predictions = model.predict(backend, split.held_out.bags)?;
        Ok(Trained {
            loss: model.loss(backend)?,
            accuracies: [
                accuracy(&of_training, split.training.labels),
                accuracy(&predictions, split.held_out.labels),
            ],
            predictions,
            error: model.error(backend, split.held_out.bags)?,
            embeddings: model.embeddings(backend)?,
        })
    }

    /// The texts to learn from and those that are held out, and whether the grammar made them.
    fn read(&self, harness: &Harness) -> Result<([Corpus; 2], bool)> {
        let mut random = harness.random();
        let columns = self.columns.read_texts()?;
        let corpus = match columns.as_deref() {
            None => generate(self.texts, self.noise, &mut random),
            Some([texts, labels]) => Corpus::new(texts.clone(), labels)?,
            Some(columns) => {
                return Err(Error::Input(format!(
                    "expected two columns, the texts and their labels, there are {}; name them with \
                     --columns TEXT,LABEL",
                    columns.len()
                )));
            }
        };
        match corpus.texts.len() {
            n @ ..4 => Err(Error::Input(format!(
                "{n} texts: at least 4 are needed, of which one is held out"
            ))),
            _ => Ok((corpus.split(&mut random), columns.is_none())),
        }
    }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let ([training, held_out], is_generated) = self.read(harness)?;
        let vocabulary = Vocabulary::new(&training.texts, self.vocabulary)?;
        let (n_words, n_classes) = (vocabulary.words().len(), training.classes.len());
        let bags = [&training, &held_out].map(|part| -> Vec<Bag> {
            part.texts.iter().map(|text| vocabulary.bag(text)).collect()
        });
        let [training_samples, held_out_samples] = [(&training, &bags[0]), (&held_out, &bags[1])]
            .map(|(corpus, bags)| Samples {
                bags,
                labels: &corpus.labels,
                n_words,
                n_classes,
            });
        let split = Split {
            training: training_samples,
            held_out: held_out_samples,
        };
        harness.print(format_args!(
            "{} texts to learn from and {} held out, {n_classes} classes, {n_words} words",
            training.texts.len(),
            held_out.texts.len()
        ))?;

        let naive = NaiveBayes::fit(split.training);
        let logistic = Logistic::fit(split.training, self.epochs, LOGISTIC_RATE);
        let one_thread = HostBackend::new(Some(NonZero::<usize>::MIN))?;
        let seed = harness.seed();
        let on_host = one_thread.install(|| self.train(&one_thread, &split, seed))?;
        let on_device = match harness.device() {
            Some(device) => Some(self.train(device, &split, seed)?),
            None => None,
        };
        let mut rows = vec![
            ("naive Bayes", split.accuracies(|bag| naive.predict(bag))),
            (
                "logistic regression",
                split.accuracies(|bag| logistic.predict(bag)),
            ),
            ("embedding bag", on_host.accuracies),
        ];
        rows.extend(
            on_device
                .iter()
                .map(|trained| ("embedding bag, GPU", trained.accuracies)),
        );
        if is_generated {
            let best = [&training, &held_out].map(|part| {
                let predictions: Vec<u8> = part
                    .texts
                    .iter()
                    .map(|text| most_likely(text, self.noise))
                    .collect();
                accuracy(&predictions, &part.labels)
            });
            rows.push(("the best there can be", best));
        }
        harness.print(format_args!(
            "{:<24}{:>14}{:>14}",
            "accuracy", "learned from", "held out"
        ))?;
        for (classifier, [training, held_out]) in rows {
            harness.print(format_args!(
                "{classifier:<24}{:>12.2} %{:>12.2} %",
                100.0 * training,
                100.0 * held_out
            ))?;
        }
        harness.print(format_args!(
            "loss of the embedding bag: {:.4}",
            on_host.loss
        ))?;

        const N_SHOWN: usize = 5;
        harness.print("held out, by the embedding bag:")?;
        let labels = held_out.labels.iter().zip(&on_host.predictions);
        for (text, (&label, &prediction)) in held_out.texts.iter().zip(labels).take(N_SHOWN) {
            let [label, prediction] =
                [label, prediction].map(|c| &training.classes[usize::from(c)]);
            let verdict = match label == prediction {
                true => prediction.clone(),
                false => format!("{prediction}, but it is {label}"),
            };
            harness.print(format_args!("  {verdict}: {}", shortened(text)))?;
        }
        harness.print("words in the same direction:")?;
        for class in 0..n_classes.min(N_SHOWN) {
            let word = naive.most_typical(class);
            let near = most_similar(&on_host.embeddings, self.dimensions, word);
            let near: Vec<&str> = near
                .into_iter()
                .map(|word| vocabulary.words()[word].as_str())
                .collect();
            harness.print(format_args!(
                "  {}: {}",
                vocabulary.words()[word],
                near.join(", ")
            ))?;
        }

        // Products and sums of the shares and the dimensions, a quotient and two biases.
        let unit = f64::from(f32::EPSILON) / 2.0;
        let limit = unit * (n_words + self.dimensions + 4) as f64;
        harness.check("products are means of embeddings", on_host.error, limit)?;
        if let Some(on_device) = &on_device {
            harness.check("the same, GPU", on_device.error, limit)?;
        }

        let n_texts = training.texts.len() as f64;
        let [v, d, c] = [n_words, self.dimensions, n_classes].map(|n| n as f64);
        let mut table = harness.table(Work {
            bytes: 8.0 * n_texts * v,
            operations: n_texts * (4.0 * v * d + 6.0 * d * c),
        });
        let threads = HostBackend::new(NonZero::new(rayon::current_num_threads()))?;
        for (version, host) in [
            ("an epoch, SIMD", one_thread),
            ("an epoch, SIMD, threads", threads),
        ] {
            host.install(|| {
                let mut model = EmbeddingBag::new(&host, split.training, self.dimensions, seed)?;
                table.host(version, || model.epoch(&host))
            })?;
        }
        if let Some(device) = harness.device() {
            let mut model = EmbeddingBag::new(device, split.training, self.dimensions, seed)?;
            table.device("an epoch, GPU", device, || model.epoch(device))?;
        }
        harness.print_table(table)
    }
}

/// A line's worth of a text.
fn shortened(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line,
    }
}

/// The words whose embeddings have most nearly the direction of that of `word`, without itself.
fn most_similar(embeddings: &[f32], n_dimensions: usize, word: usize) -> Vec<usize> {
    const N_SHOWN: usize = 4;
    let unit = normalized(embeddings, n_dimensions);
    let row = |word: usize| &unit[word * n_dimensions..][..n_dimensions];
    let mut others: Vec<(f32, usize)> = (0..unit.len() / n_dimensions)
        .filter(|&other| other != word)
        .map(|other| (dot(row(word), row(other)), other))
        .collect();
    others.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    others
        .into_iter()
        .take(N_SHOWN)
        .map(|(_, other)| other)
        .collect()
}
