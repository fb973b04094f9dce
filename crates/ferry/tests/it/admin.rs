//! The nodes as operators see and reset them: over the admin port, and with the command that asks it.

use std::net::SocketAddr;
use std::process::Command;

use ferry_gateway::upstream::status::{NodeState, NodeStatus};
use serde_json::json;

use crate::harness::{
    Client, Gateway, Node, Setup, Step, bytes, get, message, mock, request, status,
};
use crate::process::blocking;

/// A gateway before a mock and a node that nobody serves.
async fn gateway() -> (ferry_mock::RunningMock, Gateway) {
    let mock = mock().await;
    let lines = "role = \"standby\"";
    let gateway =
        Setup::new().mock(&mock).node("spare", "https://127.0.0.1:9/base", lines).start().await;
    (mock, gateway)
}

fn reset(name: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    request("POST", &format!("/nodes/{name}/reset"), headers, b"")
}

/// Exit code, standard output, standard error.
type Ended = (i32, String, String);

/// Runs the real binary in an empty folder, with these variables.
async fn ferry(args: &[&str], env: &[(&str, String)]) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
    command.args(args).env_clear().envs(env.iter().cloned()).env("NO_COLOR", "1");
    command.env("HOME", dir.path()).current_dir(dir.path());
    let output = blocking(move || command.output().unwrap()).await;
    drop(dir);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    // Reports are folded for people.
    let stderr = text(output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    (output.status.code().unwrap(), text(output.stdout), stderr.replace(" │ ", " "))
}

async fn ask(args: &[&str], admin: SocketAddr) -> Ended {
    let admin = format!("http://{admin}");
    ferry(&[&["nodes", "--admin", &admin], args].concat(), &[]).await
}

#[tokio::test]
async fn nodes_are_told_in_the_order_of_the_configuration() {
    let (_mock, gateway) = gateway().await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    let answer = Client::connect(gateway.admin).await.ask(get("/nodes")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let nodes: Vec<NodeStatus> = serde_json::from_slice(&answer.body).unwrap();
    let names: Vec<_> = nodes.iter().map(|node| (node.name.as_str(), node.current)).collect();
    assert_eq!(names, [("mock", true), ("spare", false)]);
    assert!(nodes[0].connections_opened > 0);
    assert_eq!(nodes[0].state, NodeState::Closed);
    assert_eq!(nodes[1].url, "https://127.0.0.1:9", "the path is nobody's business");
    assert!(!answer.text().contains(crate::harness::KEY));
}

#[tokio::test]
async fn a_reset_is_a_post_of_no_web_page_to_a_known_node() {
    let (_mock, gateway) = gateway().await;
    let mut admin = Client::connect(gateway.admin).await;
    let answer = admin.ask(reset("spare", &[])).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "reset": "spare" })));
    let answer = admin.ask(reset("spar", &[])).await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("no node `spar`; the nodes of this Ferry are mock, spare."));
    assert_eq!(admin.ask(get("/nodes/spare/reset")).await.status, 405);
    for origin in ["https://evil.example", "null", "http://localhost:7300"] {
        let answer = admin.ask(reset("spare", &[("origin", origin)])).await;
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(answer.json()["error"]["type"], "permission_error");
    }
    let host = gateway.admin.to_string();
    let own = [("host", host.as_str()), ("origin", &format!("http://{host}"))];
    assert_eq!(admin.ask(reset("spare", &own)).await.status, 200);
}

#[tokio::test]
async fn the_command_lists_nodes_as_a_table_and_as_json() {
    let (_mock, gateway) = gateway().await;
    let (code, stdout, stderr) = ask(&["list"], gateway.admin).await;
    assert_eq!((code, stderr.as_str()), (0, ""));
    let begins = |start: &str| stdout.lines().any(|line| line.starts_with(start));
    assert!(begins("  NODE   ROLE     STATE ") && begins("> mock   primary  closed"), "{stdout}");
    assert!(begins("  spare  standby "), "{stdout}");
    assert!(!stdout.contains('\u{1b}') && !stdout.contains("CONNS:"), "for scripts: {stdout}");
    let (code, stdout, _) = ask(&["list", "--json"], gateway.admin).await;
    let nodes: Vec<NodeStatus> = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, nodes.len()), (0, 2));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_has_its_reason_below_the_node() {
    let gateway = Setup::new().timeout("patience_ms = 0").node("n", "http://nobody.invalid", "");
    let gateway = gateway.start().await;
    gateway.ask(message("Hello", false)).await;
    let reason = status(&gateway).await.swap_remove(0).reason.unwrap();
    assert!(reason.starts_with("it failed to resolve nobody.invalid: "), "{reason}");
    let (code, stdout, _) = ask(&["list"], gateway.admin).await;
    assert!(code == 0 && stdout.contains(&format!("\n    {reason}")), "{stdout}");
}

#[tokio::test]
async fn the_command_finds_the_port_without_the_secrets_of_the_configuration() {
    let (_mock, gateway) = gateway().await;
    let env = [
        ("FERRY_SERVER__ADMIN_LISTEN", gateway.admin.to_string()),
        ("FERRY_ACCESS__KEYS__0__KEY", "env:NOT_SET_HERE".to_owned()),
    ];
    let (code, stdout, stderr) = ferry(&["nodes", "list"], &env).await;
    assert!(code == 0 && stdout.contains("mock"), "{stdout}\n{stderr}");
    let env = [("FERRY_SERVER__ADMIN_LISTEN", "127.0.0.1:0".to_owned())];
    let (code, _, stderr) = ferry(&["nodes", "list"], &env).await;
    assert!(code == 1 && stderr.contains("port 0") && stderr.contains("--admin"), "{stderr}");
    let env = [("FERRY_SERVER__ADMIN_LISTEN", "nowhere".to_owned())];
    let (code, _, stderr) = ferry(&["nodes", "list"], &env).await;
    assert!(code == 78 && stderr.contains("server.admin_listen"), "{stderr}");
}

#[tokio::test]
async fn the_command_resets_a_node_and_names_those_there_are() {
    let (_mock, gateway) = gateway().await;
    let (code, stdout, stderr) = ask(&["reset", "spare"], gateway.admin).await;
    assert!(code == 0 && stdout.starts_with("spare: breaker closed"), "{stdout}\n{stderr}");
    for name in ["spar", "../spare", "sp are", ""] {
        let (code, stdout, stderr) = ask(&["reset", name], gateway.admin).await;
        assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
        assert!(stderr.contains(&format!("node `{name}`: there is mock, spare")), "{stderr}");
    }
}

#[tokio::test]
async fn nothing_that_listens_is_told_with_what_to_start() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let env = [("FERRY_SERVER__ADMIN_LISTEN", free.to_string())];
    let (code, stdout, stderr) = ferry(&["nodes", "list"], &env).await;
    assert_eq!((code, stdout.as_str()), (1, ""));
    let wanted = format!("By server.admin_listen it listens for admin on {free};");
    assert!(stderr.contains("is `ferry serve` running?") && stderr.contains(&wanted), "{stderr}");
}

#[tokio::test]
async fn something_else_that_answers_is_told_apart() {
    let (mock, gateway) = gateway().await;
    let (code, _, stderr) = ask(&["list"], gateway.data).await;
    assert!(code == 1 && stderr.contains("where Ferry serves clients"), "{stderr}");
    let (code, _, stderr) = ask(&["reset", "mock"], mock.addr()).await;
    assert!(code == 1 && stderr.contains("is this another program"), "{stderr}");
    for (answer, words) in [
        ("SSH-2.0-OpenSSH_9.9\r\n", "failed to speak HTTP with"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "failed to read the nodes that"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[", "failed to speak HTTP with"),
        ("HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n", "302 Found"),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>", "502 Bad Gateway: <html>"),
    ] {
        let other = Node::saying(vec![bytes(answer), Step::Close]).await;
        let (code, stdout, stderr) = ask(&["list"], other.address).await;
        assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
        assert!(stderr.contains(words) && stderr.contains("another program"), "{stderr}");
    }
}

#[tokio::test]
async fn a_port_that_says_nothing_is_given_up_in_bounded_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, stdout, stderr) = ask(&["list"], silent.local_addr().unwrap()).await;
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("within 3 s") && stderr.contains("says nothing"), "{stderr}");
}
