//! Runs a mock on a port until it is killed: `cargo run --example mock -- 7399`. The full command is `ferry mock`.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use ferry_mock::{Mock, MockSettings};

#[tokio::main]
async fn main() -> ExitCode {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(7399);
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match Mock::start(MockSettings { listen, ..MockSettings::default() }).await {
        Ok(mut mock) => {
            mock.wait().await;
            ExitCode::SUCCESS
        }
        Err(_taken) => ExitCode::FAILURE,
    }
}
