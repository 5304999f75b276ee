//! Groups in groups: everybody in a nested group is a member of all groups above it.

use super::GroupRow;

/// Gives each group that has nested groups the union of all people below it. `nested` are (parent, child) pairs;
/// cycles are legal in a directory and end at the first group seen twice.
pub(super) fn close(groups: &mut [GroupRow], direct: &[u32], mut nested: Vec<(u32, u32)>) {
    nested.sort_unstable();
    nested.dedup();
    let children = |group: u32| {
        let start = nested.partition_point(|(parent, _)| *parent < group);
        nested[start..]
            .iter()
            .take_while(move |(parent, _)| *parent == group)
            .map(|(_, child)| *child)
    };
    let mut parents: Vec<u32> = nested.iter().map(|(parent, _)| *parent).collect();
    parents.dedup();
    // The parent whose walk saw a group last: a set that needs no clearing between walks.
    let mut seen_by = vec![u32::MAX; if parents.is_empty() { 0 } else { groups.len() }];
    let mut conclusions = Vec::with_capacity(parents.len());
    for parent in parents {
        let mut members = Vec::new();
        let mut told = true;
        let mut open = vec![parent];
        seen_by[parent as usize] = parent;
        while let Some(group) = open.pop() {
            let row = &groups[group as usize];
            told &= row.members_told;
            members.extend_from_slice(&direct[row.direct.clone()]);
            for child in children(group) {
                if seen_by[child as usize] != parent {
                    seen_by[child as usize] = parent;
                    open.push(child);
                }
            }
        }
        members.sort_unstable();
        members.dedup();
        groups[parent as usize].closed = Some(members);
        conclusions.push((parent, told));
    }
    // Only now: a walk must see what each group itself was told, not what was concluded for its parents.
    for (parent, told) in conclusions {
        groups[parent as usize].members_told = told;
    }
}
