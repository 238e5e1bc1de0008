// Opens a session, watches the network over a restart of the server, and reads a refusal, by JSON over HTTP.
//
//   example HOST:PORT     (of the server's web door)
//
// It has nothing but the standard library: a program of your own takes crates for HTTP and JSON.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

const DEFAULT_RETRY: Duration = Duration::from_millis(500);
/// Flags of the envelope that ends a stream.
const END: u8 = 2;

/// The body of an answer in chunks, read as if it were one piece.
struct Body {
    stream: BufReader<TcpStream>,
    left: usize,
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            self.left = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            if self.left == 0 {
                return Ok(0);
            }
        }
        let most = into.len().min(self.left);
        let count = self.stream.read(&mut into[..most])?;
        self.left -= count;
        if self.left == 0 {
            self.stream.read_exact(&mut [0; 2])?;
        }
        Ok(count)
    }
}

/// Sends a request, and answers with the body of what comes back.
fn send(address: &str, method: &str, kind: &str, headers: &str, body: &[u8]) -> io::Result<Body> {
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    write!(
        stream,
        "POST /switchyard.v1.{method} HTTP/1.1\r\nhost: {address}\r\ncontent-type: {kind}\r\n\
         connection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    )?;
    stream.write_all(body)?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Body { stream, left: 0 })
}

/// A call with one answer.
fn call(address: &str, method: &str, headers: &str, request: &str) -> io::Result<String> {
    let mut text = String::new();
    send(address, method, "application/json", headers, request.as_bytes())?.read_to_string(&mut text)?;
    Ok(text)
}

/// One message of a watch, with its envelope's flags.
fn next(body: &mut Body) -> io::Result<(u8, String)> {
    let mut head = [0; 5];
    body.read_exact(&mut head)?;
    let length = u32::from_be_bytes(head[1..].try_into().unwrap());
    let mut content = vec![0; length as usize];
    body.read_exact(&mut content)?;
    Ok((head[0], String::from_utf8_lossy(&content).into_owned()))
}

/// The value of a field in JSON: the first one of that name. Enough here, and no parser.
fn field<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let start = json.find(&format!("\"{name}\":"))? + name.len() + 3;
    let value = json[start..].trim_start_matches('"');
    value.split(['"', ',', '}']).next()
}

/// How long the server asks to wait; it is written as "0.5s".
fn retry_delay(end: &str) -> Duration {
    let seconds = field(end, "retryDelay").and_then(|text| text.trim_end_matches('s').parse().ok());
    seconds.map_or(DEFAULT_RETRY, Duration::from_secs_f64)
}

/// Watches until the server has gone away and come back, and the watch has gone on from where it was.
fn watch_over_restart(address: &str) {
    let mut after: Option<(String, String)> = None;
    loop {
        let request = match &after {
            None => "{}".to_string(),
            Some((epoch, revision)) => format!(r#"{{"after":{{"epoch":"{epoch}","revision":"{revision}"}}}}"#),
        };
        let is_resumed = after.is_some();
        match watch(address, &request, is_resumed, &mut after) {
            Ok(None) => return,
            Ok(Some(delay)) => sleep(delay),
            // Nobody is there.
            Err(_) => sleep(DEFAULT_RETRY),
        }
    }
}

/// One watch. None: it went on from where the last one was. Otherwise how long to wait before the next.
fn watch(
    address: &str,
    request: &str,
    is_resumed: bool,
    after: &mut Option<(String, String)>,
) -> io::Result<Option<Duration>> {
    let mut envelope = vec![0];
    envelope.extend_from_slice(&(request.len() as u32).to_be_bytes());
    envelope.extend_from_slice(request.as_bytes());
    let method = "NetworkService/WatchNetworkDelta";
    let mut body = send(address, method, "application/connect+json", "", &envelope)?;
    let mut nodes = 0;
    loop {
        let (flags, message) = next(&mut body)?;
        if flags == END {
            return Ok(Some(retry_delay(&message)));
        }
        match field(&message, "kind") {
            Some("WATCH_KIND_SNAPSHOT") => {
                nodes += message.matches("\"instanceUuid\"").count();
                continue;
            }
            Some("WATCH_KIND_RESET") => panic!("the server does not know our position: a snapshot follows"),
            Some("WATCH_KIND_SNAPSHOT_END") => println!("watching {nodes} nodes"),
            _ if is_resumed => {
                println!("resumed after revision {}", after.as_ref().unwrap().1);
                return Ok(None);
            }
            _ => {}
        }
        // Where to go on: only a message that completes something moves it.
        let [epoch, revision] = ["epoch", "revision"].map(|name| field(&message, name).unwrap().to_string());
        *after = Some((epoch, revision));
    }
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).expect("example HOST:PORT");
    let request = r#"{
        "instanceUuid": "6f1d2c3b-0000-4000-8000-000000009013", "instanceType": "INSTANCE_TYPE_AGENT",
        "name": "an example in Rust", "labels": {"language": "rust"}
    }"#;
    let session = call(&address, "SessionService/Session", "", request)?;
    println!("session {}", field(&session, "instanceSid").unwrap());
    watch_over_restart(&address);
    let refusal = call(&address, "NetworkService/GetNode", "", r#"{"cvid": 1}"#)?;
    let [code, reason, message] = ["code", "reason", "message"].map(|name| field(&refusal, name).unwrap());
    println!("refused {code} {reason}: {message}");
    let token = field(&session, "sessionToken").unwrap();
    call(&address, "SessionService/TerminateSession", &format!("switchyard-session: {token}\r\n"), "{}")?;
    Ok(())
}
