//! The program while it serves, and one who talks to it over a socket, byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cpu::backend::{Activation, HostBackend};
use cpu::checkpoint::{Checkpoint, Description};
use cpu::files::Target;
use cpu::nn::{Architecture, Initializer, models, random_generator};
use serde_json::Value;
use tempfile::TempDir;

/// Height and width of what the model sees: no two numbers of it are equal.
pub const SIZE: [usize; 2] = [10, 7];
/// A drawing has four pixels for each in either direction.
pub const DRAWING: usize = 16 * SIZE[0] * SIZE[1];
pub const N_CLASSES: usize = 3;

/// How long an answer may take, on a machine that does much else.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program while it serves.
pub struct Server {
    pub child: Child,
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    /// `serve` with a model that was never trained.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_model(&folder.path().join("model"), &[1, SIZE[0], SIZE[1]]);
        Self::spawn(
            folder,
            &["serve", "model", "--port", "0", "--device", "cpu"],
        )
    }

    pub fn spawn(folder: TempDir, arguments: &[&str]) -> Self {
        let mut child = command(folder.path(), arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines
                .next()
                .expect("the program says where it serves")
                .unwrap();
            if let Some((_, rest)) = line.split_once("http://") {
                let (address, _) = rest.split_once('/').unwrap();
                break address.parse().unwrap();
            }
        };
        // Whoever prints must have a reader.
        thread::spawn(move || lines.for_each(drop));
        Server {
            child,
            address,
            _folder: folder,
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends these bytes and nothing more, and reads until the other side closes.
    pub fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // Who is refused in the middle of a request cannot send the rest of it.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(Shutdown::Write);
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        reply
    }

    /// Sends a whole request.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let request = request(method, path, headers, body);
        Reply::parse(&self.exchange(&request))
    }

    /// A drawing of one stroke.
    pub fn predict(&self) -> Reply {
        self.ask("POST", "/api/predict", &[BYTES], &drawing())
    }

    #[track_caller]
    pub fn goes_on(&self) {
        let reply = self.predict();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    pub fn interrupt(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the program does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpu"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("CUDA_DRIVER");
    command
}

pub fn write_model(path: &Path, input: &[usize]) {
    let backend = HostBackend::new(None).unwrap();
    let architecture: Architecture = models::mlp(
        input,
        &[5],
        N_CLASSES,
        Activation::Tanh,
        Initializer::HeNormal,
    );
    let model = architecture
        .build(&backend, 1, &mut random_generator(1))
        .unwrap();
    let description = Description {
        name: "<small>".to_owned(),
        architecture,
        classes: ["<b>", "\"two\"", "three & more"]
            .map(str::to_owned)
            .to_vec(),
        training: None,
    };
    Checkpoint::of(&backend, &model, description)
        .unwrap()
        .write(&Target::new("test", path).unwrap())
        .unwrap();
}

pub const BYTES: (&str, &str) = ("Content-Type", "application/octet-stream");

/// A stroke from above downwards.
pub fn drawing() -> Vec<u8> {
    let width = 4 * SIZE[1];
    (0..DRAWING)
        .map(|pixel| match (pixel / width, pixel % width) {
            (8..30, 12..15) => 255,
            _ => 0,
        })
        .collect()
}

pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    let has = |name: &str| headers.iter().any(|(given, _)| *given == name);
    if !has("Host") {
        head += "Host: localhost\r\n";
    }
    if !has("Content-Length") && !has("Transfer-Encoding") && !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// What came back.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let text = || String::from_utf8_lossy(bytes).into_owned();
        let end = end.unwrap_or_else(|| panic!("no reply: {:?}", text()));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Reply {
            status: status.unwrap_or_else(|| panic!("no status: {head}")),
            head: head.to_ascii_lowercase(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        assert!(
            self.head.contains("content-type: application/json"),
            "{}",
            self.head
        );
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Is a refusal with a sentence.
    #[track_caller]
    pub fn refuses(&self, status: u16, part: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        let sentence = body["error"].as_str().unwrap();
        assert!(sentence.contains(part), "no {part:?} in: {sentence}");
    }
}
