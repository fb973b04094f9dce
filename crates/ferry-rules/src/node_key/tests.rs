//! Which configured keys a node may have.

use super::NodeKeyFault as Fault;
use super::*;

#[test]
fn only_a_key_that_could_work_is_taken() {
    let rows = [
        ("sk-ant-api03-abc", Ok(())),
        ("relay-key-of-its-own", Ok(())),
        ("sk-proj-abc", Ok(())),
        ("sk-ant-admin01-abc", Err(Fault::AdminKey)),
        ("SK-ANT-ADMIN01-ABC", Err(Fault::AdminKey)),
        ("sk-ant-oat01-abc", Err(Fault::SubscriptionToken)),
        ("", Err(Fault::Empty)),
        ("\"sk-ant-api03-abc\"", Err(Fault::Quoted)),
        (" sk-ant-api03-abc", Err(Fault::Space)),
        ("sk-ant-api03-abc\n", Err(Fault::Space)),
        ("sk-ant-api03-abc\r\n", Err(Fault::Space)),
        ("sk-ant-\u{7}", Err(Fault::Character)),
        ("sk-ant-密钥", Err(Fault::Character)),
        ("your-api-key", Err(Fault::NotAKey)),
        ("ANTHROPIC_API_KEY=abc", Err(Fault::NotAKey)),
        ("Bearer sk-ant-api03-abc", Err(Fault::NotAKey)),
    ];
    for (value, expected) in rows {
        assert_eq!(check(value), expected, "{value:?}");
        if let Err(fault) = expected {
            assert!(value.is_empty() || !fault.to_string().contains(value));
            assert!(!fault.hint().is_empty());
        }
    }
}
