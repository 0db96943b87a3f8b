//! `serve`: a page on which one draws, and sees what a model makes of it.
//!
//! The model stays on the thread that made it and answers between other work, so that `mnist --serve`
//! can show a model that is being trained.

mod answer;
mod http;
mod state;

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use clap::Args;
use cpu::backend::Backend;
use cpu::checkpoint::{Checkpoint, Epoch};
use cpu::nn::{Architecture, Sequential};
use cpu::{Error, Result};

use self::http::Question;
use self::state::State;
pub use self::state::{Model, Training};
use super::arguments;
use super::device::{self, Chosen, Task};
use super::output::print;
use super::saving::{catch_interrupts, is_interrupted};

/// Where the page is if nothing else was asked for.
pub const PORT: &str = "8000";
/// The name that only this machine has.
pub const HOST: &str = "127.0.0.1";
/// How often it is looked whether somebody has pressed Ctrl-C.
const TICK: Duration = Duration::from_millis(100);
/// Training goes on for so long before it is broken off for a question again.
const UNDISTURBED: Duration = Duration::from_millis(100);

/// What `serve` takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The model: a file that `mnist --save` has written
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Where to listen; 0 takes a port that is free
    #[arg(long, value_name = "PORT", default_value = PORT)]
    port: u16,

    /// Who can connect: by default only this machine
    #[arg(long, value_name = "HOST", default_value = HOST)]
    host: String,

    #[command(flatten)]
    device: arguments::Device,
}

/// Serves until Ctrl-C is pressed.
pub fn run(arguments: &Arguments) -> Result<()> {
    let checkpoint = Checkpoint::read(&arguments.model)?;
    let place = Place::new(&arguments.host, arguments.port, "--port")?;
    catch_interrupts()?;
    device::run(&arguments.device, Run { checkpoint, place })
}

struct Run {
    checkpoint: Checkpoint,
    place: Place,
}

impl Task for Run {
    fn run<B: Backend + 'static>(self, backend: &B, device: &Chosen) -> Result<()> {
        let size = self.checkpoint.description.image_size()?;
        let mut model = self.checkpoint.build(backend, 1)?;
        let description = self.checkpoint.description;
        let history = description.training.map(|training| training.history);
        let training = Training {
            history: history.unwrap_or_default(),
            ..Training::default()
        };
        let told = Model {
            name: description.name,
            classes: description.classes,
            n_parameters: model.n_parameters(),
            size,
            device: format!("{}: {}", device.name, device.description),
        };
        let mut live = self.place.open(told, &description.architecture, training)?;
        live.until_interrupted(backend, &mut model)
    }
}

/// A place where the server will listen.
pub struct Place {
    listener: TcpListener,
    host: String,
}

impl Place {
    /// Takes the place; `flag` is what an error about the port names.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it is not to be had.
    pub fn new(host: &str, port: u16, flag: &str) -> Result<Self> {
        let addresses: Vec<SocketAddr> = (host, port)
            .to_socket_addrs()
            .map_err(|error| {
                Error::Input(format!(
                    "--host {host}: this is no address of this machine: {error}; expected one such as \
                     127.0.0.1"
                ))
            })?
            .collect();
        let listener = TcpListener::bind(&addresses[..]).map_err(|error| {
            Error::Input(format!(
                "{flag} {port}: nobody can listen at {host}:{port}: {error}; {flag} 0 takes a port that \
                 is free"
            ))
        })?;
        Ok(Place {
            listener,
            host: host.to_owned(),
        })
    }

    /// Opens the page, and says where it is.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if the model does not take one grey image, and [`Error::Io`] if the server cannot
    /// start.
    pub fn open(
        self,
        model: Model,
        architecture: &Architecture,
        training: Training,
    ) -> Result<Live> {
        let failed = |error| Error::Io(format!("the server cannot start: {error}"));
        let address = self.listener.local_addr().map_err(failed)?;
        let state = Arc::new(State::new(model, &self.host, training));
        let questions = http::start(self.listener, Arc::clone(&state))?;
        print(format_args!(
            "page      {} (Ctrl-C ends it)",
            http::url(address)
        ))?;
        if !address.ip().is_loopback() {
            print(
                "          everybody who reaches this machine can use it: --host 127.0.0.1 keeps it to \
                 yourself",
            )?;
        }
        Ok(Live {
            state,
            questions,
            waiting: None,
            shapes: architecture.shapes()?,
            last_answer: Instant::now(),
        })
    }
}

/// A page that is open.
pub struct Live {
    state: Arc<State>,
    questions: Receiver<Question>,
    /// Taken out of the channel to see that it is there.
    waiting: Option<Question>,
    /// What comes out of each layer.
    shapes: Vec<Vec<usize>>,
    last_answer: Instant,
}

impl Live {
    /// Notes how far an epoch has come; breaks off if somebody waits for an answer.
    pub fn step(&mut self, n_images_done: usize) -> ControlFlow<()> {
        self.state
            .update_training(|training| training.n_images_done = n_images_done);
        if self.last_answer.elapsed() < UNDISTURBED {
            return ControlFlow::Continue(());
        }
        if self.waiting.is_none() {
            self.waiting = self.questions.try_recv().ok();
        }
        match self.waiting {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    /// Notes what an epoch has measured.
    pub fn epoch(&mut self, epoch: &Epoch) {
        self.state.update_training(|training| {
            training.history.push(epoch.clone());
            training.n_images_done = 0;
        });
    }

    /// Answers all that wait.
    pub fn answer<B: Backend>(&mut self, backend: &B, model: &mut Sequential<B>) -> Result<()> {
        while let Some(question) = self
            .waiting
            .take()
            .or_else(|| self.questions.try_recv().ok())
        {
            self.answer_one(backend, model, question)?;
        }
        Ok(())
    }

    /// Answers until Ctrl-C is pressed.
    pub fn until_interrupted<B: Backend>(
        &mut self,
        backend: &B,
        model: &mut Sequential<B>,
    ) -> Result<()> {
        self.state
            .update_training(|training| training.is_running = false);
        self.answer(backend, model)?;
        while !is_interrupted() {
            match self.questions.recv_timeout(TICK) {
                Ok(question) => self.answer_one(backend, model, question)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::Io("the server has stopped".to_owned()));
                }
            }
        }
        Ok(())
    }

    fn answer_one<B: Backend>(
        &mut self,
        backend: &B,
        model: &mut Sequential<B>,
        mut question: Question,
    ) -> Result<()> {
        if question.is_forgotten() {
            return Ok(());
        }
        let drawing = std::mem::take(&mut question.drawing);
        let answer = answer::answer(backend, model, &self.shapes, &self.state, drawing)?;
        question.answer(answer);
        self.last_answer = Instant::now();
        Ok(())
    }
}
