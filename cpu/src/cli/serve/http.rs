//! The server: which requests there are, and what keeps those who send others from doing harm.
//!
//! It has a thread of its own. What a model has to answer goes through a channel to the thread that
//! the model lives on: a device's context stays where it was made.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::mpsc::TrySendError;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use cpu::{Error, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::state::State;

/// The page, with all that it needs.
const PAGE: &str = include_str!("page.html");
/// What a page may do: nothing but show itself and ask this server.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Connections at a time: one more, and the oldest is closed. Most systems give a program 1024 files.
const MAX_CONNECTIONS: usize = 256;
/// Bytes of a request's head.
const MAX_HEAD: usize = 16 << 10;
/// How long a client may take for the head of a request, and for its body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a model may take to answer: an evaluation during training lets it wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection may live, whatever it is used for.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(900);
/// Questions that wait for the model.
const MAX_WAITING: usize = 16;
/// Bytes that are read of a body that is too large, so that its sender comes to read the answer.
const MAX_DISCARDED: usize = 64 << 20;

/// A drawing, and where the answer goes.
pub struct Question {
    /// Grey values, as many as the model's drawings have.
    pub drawing: Vec<u8>,
    answer: oneshot::Sender<Answer>,
}

/// JSON, or why there is none.
pub type Answer = Result<String, String>;

impl Question {
    /// Whether nobody waits for the answer any more.
    pub fn is_forgotten(&self) -> bool {
        self.answer.is_closed()
    }

    /// Answers it.
    pub fn answer(self, answer: Answer) {
        // Who asked may have gone.
        let _ = self.answer.send(answer);
    }
}

/// Begins to answer requests; questions to the model come out of the channel.
pub fn start(listener: TcpListener, state: Arc<State>) -> Result<mpsc::Receiver<Question>> {
    let failed = |error: std::io::Error| Error::Io(format!("the server cannot start: {error}"));
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(failed)?;
    let (questions, receiver) = mpsc::sync_channel(MAX_WAITING);
    let site = Arc::new(Site {
        state,
        questions,
        is_local: address.ip().is_loopback(),
    });
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener).map_err(failed)?
    };
    thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || runtime.block_on(accept(listener, site)))
        .map_err(failed)?;
    Ok(receiver)
}

/// Serves whoever connects, forever.
async fn accept(listener: tokio::net::TcpListener, site: Arc<Site>) {
    let mut connections: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No more files, or a client that has gone again: neither lasts.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        connections.retain(|connection| !connection.is_finished());
        if connections.len() >= MAX_CONNECTIONS
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        let site = Arc::clone(&site);
        let service = service_fn(move |request| {
            let site = Arc::clone(&site);
            async move { Ok::<_, Infallible>(site.respond(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Who has said all that there is to say may still listen.
            .half_close(true)
            .header_read_timeout(READ_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let connection = tokio::spawn(async move {
            // A client that breaks the protocol has been told so, or has gone.
            let _ = timeout(CONNECTION_TIMEOUT, connection).await;
        });
        connections.push_back(connection.abort_handle());
    }
}

/// What requests are answered from.
struct Site {
    state: Arc<State>,
    questions: mpsc::SyncSender<Question>,
    /// Whether only this machine can connect.
    is_local: bool,
}

/// An answer that is no success: its status, and a sentence.
struct Refusal(StatusCode, String);

type Reply = Response<Full<Bytes>>;

impl Site {
    async fn respond(&self, request: Request<Incoming>) -> Reply {
        let is_head = request.method() == Method::HEAD;
        let mut reply = self.route(request).await.unwrap_or_else(|refusal| {
            let Refusal(status, sentence) = refusal;
            let body = serde_json::json!({ "error": sentence }).to_string();
            let mut reply = reply(body, "application/json");
            *reply.status_mut() = status;
            if status == StatusCode::METHOD_NOT_ALLOWED {
                let allowed = HeaderValue::from_static("GET, HEAD, POST");
                reply.headers_mut().insert(header::ALLOW, allowed);
            }
            reply
        });
        if is_head {
            *reply.body_mut() = Full::default();
        }
        reply
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Reply, Refusal> {
        self.check_host(&request)?;
        let path = request.uri().path();
        let is_question = path == "/api/predict";
        let is_allowed = match *request.method() {
            Method::POST => is_question,
            Method::GET | Method::HEAD => !is_question,
            _ => false,
        };
        if !["/", "/api/model", "/api/training", "/api/predict"].contains(&path) {
            return Err(Refusal(
                StatusCode::NOT_FOUND,
                "there is no such address here: try /, /api/model, /api/training or /api/predict"
                    .to_owned(),
            ));
        }
        if !is_allowed {
            let expected = if is_question { "POST" } else { "GET" };
            return Err(Refusal(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("{path} takes {expected} and not {}", request.method()),
            ));
        }
        const JSON: &str = "application/json";
        Ok(match path {
            "/" => {
                let mut page = reply(PAGE, "text/html; charset=utf-8");
                let policy = HeaderValue::from_static(POLICY);
                let headers = page.headers_mut();
                headers.insert(header::CONTENT_SECURITY_POLICY, policy);
                page
            }
            "/api/model" => reply(self.state.model(), JSON),
            "/api/training" => reply(self.state.training(), JSON),
            _ => {
                check_question(request.headers())?;
                let drawing = self.drawing(request).await?;
                reply(self.ask(drawing).await?, JSON)
            }
        })
    }

    /// A page from elsewhere can have its own name lead to this address, and so ask in its visitor's
    /// place: the name would be in `Host`.
    fn check_host(&self, request: &Request<Incoming>) -> Result<(), Refusal> {
        let host = request.headers().get(header::HOST);
        let Some(host) = host.and_then(|host| host.to_str().ok()) else {
            let sentence = "the request has no header `Host` that can be read";
            return Err(Refusal(StatusCode::BAD_REQUEST, sentence.to_owned()));
        };
        let name = without_port(host);
        let address = name.trim_start_matches('[').trim_end_matches(']');
        let is_known = match address.parse::<IpAddr>() {
            Ok(address) => !self.is_local || address.is_loopback(),
            Err(_) => {
                name.eq_ignore_ascii_case("localhost")
                    || name.eq_ignore_ascii_case(self.state.host())
            }
        };
        if is_known {
            return Ok(());
        }
        Err(Refusal(
            StatusCode::MISDIRECTED_REQUEST,
            format!("this server is not known as {name:?}: open the address that it has printed"),
        ))
    }

    /// The body of a question, which has one size.
    async fn drawing(&self, request: Request<Incoming>) -> Result<Vec<u8>, Refusal> {
        let [height, width] = self.state.drawing_size();
        let expected = height * width;
        let body = timeout(READ_TIMEOUT, read(request, expected)).await;
        let body = body.map_err(|_| {
            Refusal(
                StatusCode::REQUEST_TIMEOUT,
                format!(
                    "the drawing did not come within {} seconds",
                    READ_TIMEOUT.as_secs()
                ),
            )
        })?;
        let sentence = |n: &str| {
            format!(
                "the drawing has {n} bytes, expected {expected}: {height} rows of {width} grey \
                 values, 0 for the background and 255 for the ink"
            )
        };
        match body {
            Ok(drawing) if drawing.len() == expected => Ok(drawing),
            Ok(drawing) => Err(Refusal(
                StatusCode::BAD_REQUEST,
                sentence(&drawing.len().to_string()),
            )),
            Err(Unread::TooLarge) => {
                Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, sentence("too many")))
            }
            Err(Unread::Broken) => Err(Refusal(
                StatusCode::BAD_REQUEST,
                "the drawing broke off".to_owned(),
            )),
        }
    }

    /// What the model says.
    async fn ask(&self, drawing: Vec<u8>) -> Result<String, Refusal> {
        let unavailable =
            |sentence: &str| Refusal(StatusCode::SERVICE_UNAVAILABLE, sentence.to_owned());
        let (answer, receiver) = oneshot::channel();
        let question = Question { drawing, answer };
        self.questions
            .try_send(question)
            .map_err(|error| match error {
                TrySendError::Full(_) => unavailable("too many ask at once: try again"),
                TrySendError::Disconnected(_) => unavailable("the program is about to end"),
            })?;
        match timeout(ANSWER_TIMEOUT, receiver).await {
            Ok(Ok(Ok(json))) => Ok(json),
            Ok(Ok(Err(sentence))) => Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, sentence)),
            Ok(Err(_)) => Err(unavailable("the program is about to end")),
            Err(_) => Err(unavailable("the model is busy: try again")),
        }
    }
}

/// A form of another page can send neither this type nor this header without asking first, which is
/// not answered.
fn check_question(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_header = |name: HeaderName, expected: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()) == Some(expected)
    };
    if !is_header(header::CONTENT_TYPE, "application/octet-stream") {
        return Err(Refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a drawing is sent with Content-Type: application/octet-stream".to_owned(),
        ));
    }
    let origin = headers.get(header::ORIGIN).map(HeaderValue::to_str);
    let host = headers.get(header::HOST).map(HeaderValue::to_str);
    if let Some(origin) = origin {
        let host_of_origin = origin.ok().and_then(|origin| origin.split_once("://"));
        let is_same = match (host_of_origin, host) {
            (Some((_, origin)), Some(Ok(host))) => origin.eq_ignore_ascii_case(host),
            _ => false,
        };
        if !is_same {
            return Err(Refusal(
                StatusCode::FORBIDDEN,
                "a page from elsewhere cannot ask here".to_owned(),
            ));
        }
    }
    Ok(())
}

/// Why there is no body.
enum Unread {
    TooLarge,
    Broken,
}

/// A body of at most `limit` bytes.
async fn read(request: Request<Incoming>, limit: usize) -> Result<Vec<u8>, Unread> {
    let waits_for_leave = request.headers().contains_key(header::EXPECT);
    let mut body = request.into_body();
    if waits_for_leave && body.size_hint().lower() > limit as u64 {
        return Err(Unread::TooLarge);
    }
    let mut bytes = Vec::new();
    let mut n_read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else {
            continue;
        };
        n_read += data.len();
        if n_read <= limit {
            bytes.extend_from_slice(&data);
        } else if n_read > MAX_DISCARDED {
            break;
        }
    }
    match n_read > limit {
        true => Err(Unread::TooLarge),
        false => Ok(bytes),
    }
}

/// `localhost:8000` and `[::1]:8000` without what follows the last colon.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

fn reply(body: impl Into<Bytes>, content_type: &'static str) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    let headers = reply.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// The address that a person opens.
pub fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if ip.is_unspecified() => match ip {
            IpAddr::V4(_) => "127.0.0.1".to_owned(),
            IpAddr::V6(_) => "[::1]".to_owned(),
        },
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    format!("http://{ip}:{}/", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_cut_off() {
        for (host, expected) in [
            ("localhost:8000", "localhost"),
            ("localhost", "localhost"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("127.0.0.1:1", "127.0.0.1"),
        ] {
            assert_eq!(without_port(host), expected);
        }
    }
}
