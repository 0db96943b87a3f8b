//! Texts with their classes: made by a small grammar, or given; and their words as numbers.

use std::collections::{BTreeMap, HashMap};

use rand::{Rng, RngExt};

use crate::{Error, Result};

/// Most classes: one is a byte.
const MAX_CLASSES: usize = 256;

/// Texts, each with its class.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    /// The texts.
    pub texts: Vec<String>,
    /// For each of them the number of its class.
    pub labels: Vec<u8>,
    /// The classes' names.
    pub classes: Vec<String>,
}

impl Corpus {
    /// Texts with the names of their classes, which are numbered by the alphabet.
    ///
    /// # Errors
    ///
    /// If there are no texts, not as many names, or more than 256 classes.
    pub fn new(texts: Vec<String>, labels: &[String]) -> Result<Corpus> {
        if texts.is_empty() || texts.len() != labels.len() {
            return Err(Error::Input(format!(
                "{} texts with {} labels: expected at least one, and a label for each",
                texts.len(),
                labels.len()
            )));
        }
        let mut numbers: BTreeMap<&str, u8> =
            labels.iter().map(|label| (label.as_str(), 0)).collect();
        if numbers.len() > MAX_CLASSES {
            return Err(Error::Input(format!(
                "there are {} labels that differ: at most {MAX_CLASSES} classes are told apart; is \
                 it the right column?",
                numbers.len()
            )));
        }
        for (number, (_, place)) in numbers.iter_mut().enumerate() {
            *place = number as u8;
        }
        Ok(Corpus {
            labels: labels.iter().map(|label| numbers[label.as_str()]).collect(),
            classes: numbers.into_keys().map(str::to_owned).collect(),
            texts,
        })
    }

    /// In a random order, cut in two, the second of which has a quarter of the texts, rounded down.
    pub fn split(self, random: &mut impl Rng) -> [Corpus; 2] {
        let Corpus {
            texts,
            labels,
            classes,
        } = self;
        let mut pairs: Vec<(String, u8)> = texts.into_iter().zip(labels).collect();
        for last in (1..pairs.len()).rev() {
            pairs.swap(last, random.random_range(0..=last));
        }
        let held_out = pairs.split_off(pairs.len() - pairs.len() / 4);
        [pairs, held_out].map(|pairs| {
            let (texts, labels) = pairs.into_iter().unzip();
            Corpus {
                texts,
                labels,
                classes: classes.clone(),
            }
        })
    }
}

/// What a topic talks about.
struct Topic {
    name: &'static str,
    things: [&'static str; 8],
    deeds: [&'static str; 6],
}

/// Some words are of two topics, as in life.
const TOPICS: [Topic; 5] = [
    Topic {
        name: "kitchen",
        things: [
            "bread", "pan", "soup", "oven", "plate", "onion", "scale", "fish",
        ],
        deeds: ["boils", "bakes", "burns", "tastes", "cools", "melts"],
    },
    Topic {
        name: "space",
        things: [
            "planet",
            "star",
            "comet",
            "orbit",
            "rocket",
            "moon",
            "telescope",
            "crater",
        ],
        deeds: ["orbits", "shines", "burns", "rises", "collides", "expands"],
    },
    Topic {
        name: "garden",
        things: [
            "rose", "root", "plant", "spade", "seed", "onion", "bee", "hedge",
        ],
        deeds: ["grows", "blooms", "withers", "rises", "climbs", "spreads"],
    },
    Topic {
        name: "music",
        things: [
            "chord", "drum", "scale", "violin", "star", "melody", "choir", "rhythm",
        ],
        deeds: ["sounds", "echoes", "swells", "repeats", "rises", "fades"],
    },
    Topic {
        name: "sea",
        things: [
            "ship", "wave", "fish", "harbour", "anchor", "storm", "tide", "sail",
        ],
        deeds: ["sinks", "floats", "swells", "drifts", "breaks", "rises"],
    },
];

const QUALITIES: [&str; 8] = [
    "old", "new", "quiet", "bright", "heavy", "small", "strange", "lovely",
];
const TIMES: [&str; 6] = ["today", "often", "again", "slowly", "at night", "by chance"];
const SENTENCES: [&str; 4] = [
    "The {thing} {deed}, and the {thing} {deed} {time}.",
    "{time} a {quality} {thing} {deed} beside the {thing}.",
    "Who knows why the {quality} {thing} {deed}?",
    "We saw the {thing}; it was {quality}, and it {deed} {time}.",
];

/// Texts of one to three sentences, each of a topic drawn at random. A word of the topic is replaced by
/// one of any topic with probability `noise`.
pub fn generate(n_texts: usize, noise: f64, random: &mut impl Rng) -> Corpus {
    fn pick<T: Copy>(random: &mut impl Rng, words: &[T]) -> T {
        words[random.random_range(0..words.len())]
    }
    let mut corpus = Corpus {
        classes: TOPICS.iter().map(|topic| topic.name.to_owned()).collect(),
        ..Corpus::default()
    };
    for _ in 0..n_texts {
        let label = random.random_range(0..TOPICS.len());
        let mut text = String::new();
        for _ in 0..random.random_range(1..=3) {
            // What stands between braces is replaced.
            for (place, part) in pick(random, &SENTENCES).split(['{', '}']).enumerate() {
                let topic = match place % 2 == 1 && random.random_bool(noise) {
                    true => &TOPICS[random.random_range(0..TOPICS.len())],
                    false => &TOPICS[label],
                };
                text += match (place % 2, part) {
                    (1, "thing") => pick(random, &topic.things),
                    (1, "deed") => pick(random, &topic.deeds),
                    (1, "quality") => pick(random, &QUALITIES),
                    (1, _) => pick(random, &TIMES),
                    _ => part,
                };
            }
            text.push(' ');
        }
        corpus.texts.push(text.trim_end().to_owned());
        corpus.labels.push(label as u8);
    }
    corpus
}

/// The most likely topic of a generated text, by Bayes' rule and the grammar's own probabilities: no
/// classifier is better on average.
pub fn most_likely(text: &str, noise: f64) -> u8 {
    let share = |topic: &Topic, word: &str| {
        let of = |words: &[&str]| {
            let n = words.iter().filter(|&&other| other == word).count();
            n as f64 / words.len() as f64
        };
        of(&topic.things) + of(&topic.deeds)
    };
    let mut scores = [0.0; TOPICS.len()];
    for word in words(text) {
        let shares = TOPICS.each_ref().map(|topic| share(topic, &word));
        let of_any = shares.iter().sum::<f64>() / TOPICS.len() as f64;
        if of_any == 0.0 {
            continue;
        }
        for (score, share) in scores.iter_mut().zip(shares) {
            *score += ((1.0 - noise) * share + noise * of_any).ln();
        }
    }
    first_largest(&scores)
}

/// Where the largest number is, or the first of those that are as large.
pub fn first_largest(numbers: &[f64]) -> u8 {
    let mut best = 0;
    for (idx, number) in numbers.iter().enumerate() {
        if *number > numbers[best] {
            best = idx;
        }
    }
    best as u8
}

/// The words of a text, in small letters: what lies between characters that are no letters or digits.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Words that have numbers.
pub struct Vocabulary {
    words: Vec<String>,
    numbers: HashMap<String, u32>,
}

/// How often each word is in a text, by the words' numbers: nothing for a text without words that have
/// numbers.
pub type Bag = Vec<(u32, f32)>;

/// The words of a bag, each with its share of them.
pub fn shares(bag: &Bag) -> impl Iterator<Item = (usize, f32)> {
    let n_words: f32 = bag.iter().map(|(_, count)| count).sum();
    bag.iter()
        .map(move |&(word, count)| (word as usize, count / n_words))
}

impl Vocabulary {
    /// The most frequent words of texts, `max_words` at most; of those that are as frequent, those that
    /// come first in the alphabet.
    ///
    /// # Errors
    ///
    /// If there is not a word in all of the texts.
    pub fn new(texts: &[String], max_words: usize) -> Result<Vocabulary> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for word in texts.iter().flat_map(|text| words(text)) {
            *counts.entry(word).or_default() += 1;
        }
        if counts.is_empty() {
            return Err(Error::Input("there is not a word in the texts".to_owned()));
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        // Stable: those of one count stay in the alphabet's order.
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.truncate(max_words);
        let words: Vec<String> = counts.into_iter().map(|(word, _)| word).collect();
        let numbers = words.iter().cloned().zip(0..).collect();
        Ok(Vocabulary { words, numbers })
    }

    /// The words, by their numbers.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The number of a word.
    pub fn number(&self, word: &str) -> Option<u32> {
        self.numbers.get(word).copied()
    }

    /// The words of a text.
    pub fn bag(&self, text: &str) -> Bag {
        let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
        for number in words(text).filter_map(|word| self.number(&word)) {
            *counts.entry(number).or_default() += 1.0;
        }
        counts.into_iter().collect()
    }
}
