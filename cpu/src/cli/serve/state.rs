//! What the server knows without asking the model.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cpu::checkpoint::Epoch;
use serde::Serialize;

/// Pixels of a drawing for each pixel, across and down, that the model sees: what is drawn small is
/// enlarged and should not be coarse.
const DETAIL: usize = 4;

/// What the page is told of the model.
#[derive(Debug, Clone, Serialize)]
pub struct Model {
    /// What it is called: `mlp`.
    pub name: String,
    /// Names of the classes, in order.
    pub classes: Vec<String>,
    /// Values that are trained.
    pub n_parameters: usize,
    /// Height and width of what it sees.
    pub size: [usize; 2],
    /// What it runs on.
    pub device: String,
}

/// What the page is told of the training.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Training {
    /// Whether it goes on.
    pub is_running: bool,
    /// Epochs that it is to have.
    pub n_epochs: usize,
    /// Images of an epoch.
    pub n_images: usize,
    /// Images of the epoch that is under way that were trained on.
    pub n_images_done: usize,
    /// What the epochs so far measured.
    pub history: Vec<Epoch>,
}

/// What is shared between the server and the thread that computes.
pub struct State {
    model: Model,
    /// The name that the server was told to listen at.
    host: String,
    training: Mutex<Training>,
}

impl State {
    pub fn new(model: Model, host: &str, training: Training) -> Self {
        State {
            model,
            host: host.to_owned(),
            training: Mutex::new(training),
        }
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// Height and width of what the model sees.
    pub fn size(&self) -> [usize; 2] {
        self.model.size
    }

    /// Height and width of a drawing.
    pub fn drawing_size(&self) -> [usize; 2] {
        self.model.size.map(|side| DETAIL * side)
    }

    /// As JSON.
    pub fn model(&self) -> String {
        #[derive(Serialize)]
        struct Told<'a> {
            #[serde(flatten)]
            model: &'a Model,
            drawing_size: [usize; 2],
        }
        json(&Told {
            model: &self.model,
            drawing_size: self.drawing_size(),
        })
    }

    /// As JSON.
    pub fn training(&self) -> String {
        json(&*self.lock())
    }

    /// Notes how far the training has come.
    pub fn update_training(&self, update: impl FnOnce(&mut Training)) {
        update(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Training> {
        // Nobody leaves it half changed.
        self.training.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("structures of numbers and text become JSON")
}
