//! A network of tables: which addresses a name has at its first, second, … lookup, and what the service at an address does.
//! Nothing runs beside the test: a service's side of a connection moves when the broker reads and writes.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use plugdock_contracts::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::http::connector::{ByteStream, Connector};
use crate::http::resolver::Resolver;

/// What a service does once it has read a request. After the last it closes the connection.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Send(Vec<u8>),
    /// Sends this again and again, with a pause before each.
    Forever(Vec<u8>, Duration),
    /// Does nothing more, and does not close.
    Hang,
}

/// How an address takes a connection.
#[derive(Debug, Clone)]
pub(super) enum Service {
    Plays(Vec<Act>),
    /// Takes nothing and says nothing.
    Silent,
    /// Accepts, and reads nothing.
    Deaf,
    /// Reads a KiB a second, and answers that it is done.
    Slow,
}

/// The network, and what it saw.
#[derive(Debug, Default)]
pub(super) struct FakeNet {
    names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    services: Mutex<HashMap<SocketAddr, Service>>,
    lookups: Mutex<Vec<String>>,
    dialled: Mutex<Vec<SocketAddr>>,
    requests: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    open: Arc<Open>,
}

/// Connections that are open now, and most that ever were.
#[derive(Debug, Default)]
struct Open {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl FakeNet {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A name's answers, one lookup after another; the last one stays.
    pub(super) fn name(self, name: &str, answers: &[&[&str]]) -> Self {
        let answers = answers.iter().map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect());
        self.names.lock().unwrap().insert(name.to_owned(), answers.collect());
        self
    }

    pub(super) fn service(self, address: &str, service: Service) -> Self {
        self.services.lock().unwrap().insert(address.parse().unwrap(), service);
        self
    }

    /// A service that sends this and closes.
    pub(super) fn answers(self, address: &str, answer: impl AsRef<[u8]>) -> Self {
        self.service(address, Service::Plays(vec![Act::Send(answer.as_ref().to_vec())]))
    }

    pub(super) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }

    pub(super) fn lookups(&self) -> Vec<String> {
        self.lookups.lock().unwrap().clone()
    }

    pub(super) fn dialled(&self) -> Vec<String> {
        self.dialled.lock().unwrap().iter().map(ToString::to_string).collect()
    }

    /// What services read, one text for each connection.
    pub(super) fn requests(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|bytes| String::from_utf8(bytes.lock().unwrap().clone()).unwrap()).collect()
    }

    pub(super) fn n_open(&self) -> usize {
        self.open.now.load(Ordering::SeqCst)
    }

    pub(super) fn most_open(&self) -> usize {
        self.open.most.load(Ordering::SeqCst)
    }
}

impl Resolver for FakeNet {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.lookups.lock().unwrap().push(host.to_owned());
        let mut names = self.names.lock().unwrap();
        let answer = match names.get_mut(host) {
            Some(answers) if answers.len() > 1 => Ok(answers.remove(0)),
            Some(answers) => Ok(answers[0].clone()),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
        };
        Box::pin(async { answer })
    }
}

impl Connector for FakeNet {
    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        self.dialled.lock().unwrap().push(address);
        let service = self.services.lock().unwrap().get(&address).cloned();
        Box::pin(async move {
            let done = || vec![Act::Send(b"HTTP/1.1 204 Done\r\n\r\n".to_vec())];
            let (ear, mut acts) = match service {
                None => return Err(io::ErrorKind::ConnectionRefused.into()),
                Some(Service::Silent) => std::future::pending().await,
                Some(Service::Deaf) => (Ear::Deaf, Vec::new()),
                Some(Service::Slow) => (Ear::Slow(None), done()),
                Some(Service::Plays(acts)) => (Ear::Quick, acts),
            };
            let request = Arc::default();
            self.requests.lock().unwrap().push(Arc::clone(&request));
            let now = self.open.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.open.most.fetch_max(now, Ordering::SeqCst);
            acts.reverse();
            let stream = FakeStream {
                request,
                ear,
                acts,
                sending: Vec::new(),
                pause: None,
                reader: None,
                open: Arc::clone(&self.open),
            };
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

/// How a service reads.
enum Ear {
    Quick,
    Deaf,
    Slow(Option<Pin<Box<Sleep>>>),
}

/// The broker's side of a connection.
struct FakeStream {
    request: Arc<Mutex<Vec<u8>>>,
    ear: Ear,
    /// What is still to be done, the next one last.
    acts: Vec<Act>,
    sending: Vec<u8>,
    pause: Option<Pin<Box<Sleep>>>,
    reader: Option<Waker>,
    open: Arc<Open>,
}

impl FakeStream {
    fn has_request(&self) -> bool {
        let request = self.request.lock().unwrap();
        let Some(head) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
        let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        request.len() >= head + 4 + length.unwrap_or(0_usize)
    }
}

impl AsyncRead for FakeStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.has_request() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        loop {
            if let Some(pause) = &mut self.pause {
                std::task::ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            if !self.sending.is_empty() {
                let count = self.sending.len().min(buf.remaining());
                buf.put_slice(&self.sending[..count]);
                self.sending.drain(..count);
                return Poll::Ready(Ok(()));
            }
            match self.acts.pop() {
                None => return Poll::Ready(Ok(())),
                Some(Act::Send(bytes)) => self.sending = bytes,
                Some(Act::Forever(bytes, pause)) => {
                    self.acts.push(Act::Forever(bytes.clone(), pause));
                    self.sending = bytes;
                    self.pause = (!pause.is_zero()).then(|| Box::pin(sleep(pause)));
                }
                Some(Act::Hang) => {
                    self.acts.push(Act::Hang);
                    return Poll::Pending;
                }
            }
        }
    }
}

impl AsyncWrite for FakeStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = match &mut self.ear {
            Ear::Quick => bytes,
            Ear::Deaf => return Poll::Pending,
            Ear::Slow(pause) => {
                let second = pause.get_or_insert_with(|| Box::pin(sleep(Duration::from_secs(1))));
                std::task::ready!(second.as_mut().poll(cx));
                *pause = None;
                &bytes[..bytes.len().min(1024)]
            }
        };
        self.request.lock().unwrap().extend_from_slice(bytes);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for FakeStream {
    fn drop(&mut self) {
        self.open.now.fetch_sub(1, Ordering::SeqCst);
    }
}
