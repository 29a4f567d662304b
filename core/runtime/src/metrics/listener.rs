//! Where monitoring reads the counters: a listener of its own, apart from the one that clients reach, one request a connection,
//! some at once: whoever connects and says nothing keeps no other one waiting.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{listen::bind, start_error::StartError, unix::stopped::Stopped};

/// How many are answered at once; further ones are closed.
const READERS: usize = 8;

/// How long a reader may take with its whole request, and with the answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The longest head of a request.
const HEAD_BYTES: usize = 8 * 1024;

/// The most header fields.
const FIELDS: usize = 64;

/// The media type of OpenMetrics 1.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `GET /metrics` on these addresses, each on a thread, until the server ends. `text` makes the answer.
///
/// # Errors
///
/// An address cannot be listened on, or there is no thread.
pub fn serve_metrics(
    addresses: &[SocketAddr],
    stopped: &Arc<Stopped>,
    text: impl Fn() -> String + Clone + Send + 'static,
) -> Result<(), StartError> {
    if addresses.is_empty() {
        return Ok(());
    }
    for listener in bind(addresses)? {
        let (text, stopped) = (text.clone(), Arc::clone(stopped));
        let readers = Arc::new(());
        thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || {
                loop {
                    match stopped.accept(&listener) {
                        Ok(None) => return,
                        Ok(Some((stream, _))) => answer_apart(stream, &text, &readers),
                        // Out of descriptors: the next look is a second away.
                        Err(_) => thread::sleep(Duration::from_secs(1)),
                    }
                }
            })
            .map_err(|error| StartError::Thread { error })?;
    }
    Ok(())
}

/// Answers on a thread of its own. Each has one of the counted `readers`.
fn answer_apart(
    stream: TcpStream,
    text: &(impl Fn() -> String + Clone + Send + 'static),
    readers: &Arc<()>,
) {
    if Arc::strong_count(readers) > READERS {
        return;
    }
    let (text, reader) = (text.clone(), Arc::clone(readers));
    let answering = thread::Builder::new().name("metrics-reader".to_owned());
    // Whoever does not read or ask in time has no answer, nor anybody where there is no thread.
    let _ = answering.spawn(move || {
        let _ = answer(stream, text);
        drop(reader);
    });
}

fn answer(mut stream: TcpStream, text: impl Fn() -> String) -> io::Result<()> {
    stream.set_write_timeout(Some(TIMEOUT))?;
    let head = read_head(&mut stream)?;
    let (status, body) = match request(&head) {
        Some(("GET", "/metrics")) => ("200 OK", text()),
        Some(("GET", _)) => ("404 Not Found", "There is only /metrics here.\n".to_owned()),
        Some(_) => ("405 Method Not Allowed", "GET /metrics\n".to_owned()),
        None => (
            "400 Bad Request",
            "This is no request of HTTP/1.1.\n".to_owned(),
        ),
    };
    let media_type = match status {
        "200 OK" => OPEN_METRICS,
        _ => "text/plain; charset=utf-8",
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\nallow: GET\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}"
    )
}

/// Reads up to the empty line, or as much as a head may be.
fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    let end = Instant::now() + TIMEOUT;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = stream.read(&mut piece)?;
        head.extend_from_slice(piece.get(..read).unwrap_or_default());
        let is_whole = head.windows(4).any(|end| end == b"\r\n\r\n");
        if read == 0 || is_whole || head.len() >= HEAD_BYTES {
            return Ok(head);
        }
    }
}

/// The method and the path, without its query.
fn request(head: &[u8]) -> Option<(&str, &str)> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(head).ok()?;
    let path = request.path?.split('?').next()?;
    parsed.is_complete().then_some((request.method?, path))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn ask(request: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answering = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            answer(stream, || "a 1\n# EOF\n".to_owned())
        });
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answering.join().unwrap().unwrap();
        answer
    }

    #[test]
    fn metrics_are_read_by_get() {
        let answer = ask("GET /metrics?x=1 HTTP/1.1\r\nhost: localhost\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains(OPEN_METRICS) && answer.ends_with("\r\n\r\na 1\n# EOF\n"));
    }

    /// A connection, and its other side.
    fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn read_all(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn readers_that_take_their_time_keep_no_other_one_waiting_until_there_are_too_many() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let readers = Arc::new(());
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = Arc::new(std::sync::Mutex::new(released));
        let slow = move || {
            let _ = released.lock().unwrap().recv();
            String::new()
        };
        let mut waiting = Vec::new();
        let request = b"GET /metrics HTTP/1.1\r\n\r\n";
        for _ in 1..READERS {
            let (mut near, far) = pair(&listener);
            near.write_all(request).unwrap();
            answer_apart(far, &slow, &readers);
            waiting.push(near);
        }
        let (mut near, far) = pair(&listener);
        near.write_all(request).unwrap();
        answer_apart(far, &|| "a 1\n".to_owned(), &readers);
        assert!(read_all(near).ends_with("a 1\n"));
        while Arc::strong_count(&readers) > READERS {
            thread::yield_now();
        }
        let (near, far) = pair(&listener);
        answer_apart(far, &slow, &readers);
        let (other, far) = pair(&listener);
        answer_apart(far, &slow, &readers);
        assert_eq!(read_all(other), "", "it is one too many");
        drop((near, release));
        for near in waiting {
            assert!(read_all(near).starts_with("HTTP/1.1 200"));
        }
    }

    #[test]
    fn reader_that_sends_byte_by_byte_is_cut_by_the_time_of_the_whole_request() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut slow = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let sending = thread::spawn(move || {
            while slow.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        });
        let error = read_head(&mut stream).unwrap_err();
        assert!(
            matches!(
                error.kind(),
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
            ),
            "{error}"
        );
        drop((stream, listener));
        sending.join().unwrap();
    }

    #[test]
    fn other_request_is_refused() {
        for (request, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("nonsense\r\n\r\n", "400"),
        ] {
            let answer = ask(request);
            assert_eq!(answer.get(9..12), Some(status), "{answer}");
        }
    }
}
