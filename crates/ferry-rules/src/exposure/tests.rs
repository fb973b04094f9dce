//! Which binds may start.

use super::*;

const LOCAL: &str = "127.0.0.1:7300";

/// Checks one plan; `facts` holds any of n (node key), a (access key), l (admin login).
fn check_plan(listen: &str, admin_listen: &str, facts: &str, code: Option<&str>) {
    let plan = Plan {
        listen: listen.parse().unwrap(),
        admin_listen: admin_listen.parse().unwrap(),
        node_key: facts.contains('n'),
        access_key: facts.contains('a'),
        admin_login: facts.contains('l'),
    };
    assert_eq!(check(&plan).map_err(Exposure::code).err(), code, "{plan:?}");
}

#[test]
fn a_public_bind_needs_a_guard() {
    check_plan(LOCAL, LOCAL, "n", None);
    check_plan("[::1]:7300", "[::ffff:127.0.0.1]:7301", "n", None);
    for public in ["0.0.0.0:7300", "[::]:7300", "192.168.1.5:7300", "[::ffff:10.0.0.1]:7300"] {
        check_plan(public, LOCAL, "", None);
        check_plan(public, LOCAL, "n", Some("exposed-node-key"));
        check_plan(public, LOCAL, "na", None);
        check_plan(LOCAL, public, "na", Some("exposed-admin"));
        check_plan(LOCAL, public, "l", None);
        check_plan(public, public, "n", Some("exposed-node-key"));
    }
}

#[test]
fn the_text_names_address_and_mend() {
    let open = Exposure::OpenPurse("0.0.0.0:7300".parse().unwrap()).to_string();
    assert!(open.contains("0.0.0.0:7300") && open.contains("access.keys"), "{open}");
}
