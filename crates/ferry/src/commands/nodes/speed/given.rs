//! The addresses that the operator names, by flags and in a file.

use std::sync::Arc;

use ferry_gateway::upstream::NodeSettings;
use miette::miette;

use super::super::trial::TestArgs;
use super::candidates::{self, Entry, Place};

/// Adds the addresses of flags and file to the nodes that they are for.
///
/// # Errors
/// An entry is no address, a range, of no node, or of one that a proxy stands before.
pub(in super::super) fn add_given(
    args: &TestArgs,
    nodes: &mut [Arc<NodeSettings>],
) -> miette::Result<()> {
    let place = |node: &Arc<NodeSettings>| Place {
        name: node.name.to_string(),
        port: 0,
        configured: Vec::new(),
        proxied: node.proxy.is_some(),
        here: false,
        found: Ok(Vec::new()),
    };
    let places: Vec<Place> = nodes.iter().map(place).collect();
    for entry in given(args)? {
        let owner =
            candidates::owner(&places, &entry).map_err(|fault| miette!("failed to {fault}"))?;
        if let Some(node) = nodes.get_mut(owner).filter(|node| !node.addresses.contains(&entry.ip))
        {
            Arc::make_mut(node).addresses.push(entry.ip);
        }
    }
    Ok(())
}

/// The addresses of flags and file.
///
/// # Errors
/// The file cannot be read, or an entry is no address or a range.
pub(super) fn given(args: &TestArgs) -> miette::Result<Vec<Entry>> {
    let refused = |fault: candidates::EntryFault| miette!("failed to {fault}");
    let mut given = Vec::new();
    for text in &args.addresses {
        given.push(candidates::entry(text).map_err(refused)?);
    }
    if let Some(file) = &args.file {
        let path = file.display();
        let text = std::fs::read_to_string(file).map_err(|error| {
            let help = "name a file with one IP or NODE=IP on each line";
            miette!(help = help, "failed to read {path}: {error}")
        })?;
        let entries = candidates::entries(&text);
        given.extend(entries.map_err(|(line, fault)| miette!("{path}:{line}: failed to {fault}"))?);
    }
    Ok(given)
}
