//! Which attempts a row of the list has. The attempts themselves stand in the files of their topics.
//! What must come of them is not known here.

use super::stage::{Results, Stage, found};
use super::{device, kernel, mount, path, privilege, process, program, resource, secret, socket};

/// Makes every attempt of a row.
pub(crate) fn row(id: &str, stage: &Stage) -> Option<Results> {
    let results = match id {
        "E01" => path::machine(),
        "E02" => path::parents(stage),
        "E03" => path::symlink(stage),
        "E04" => path::hard_link(stage),
        "E05" => path::creation(),
        "E06" => path::own_code(stage),
        "E07" => path::root(),
        "E08" => path::proc(stage),
        "E09" => device::devices(),
        "E10" => device::system(stage),
        "E11" => path::proc_writing(),
        "E12" => secret::standard_error(),
        "E13" => mount::mounts(),
        "E14" => mount::nodes(stage),
        "E15" => mount::metadata(stage),
        "E16" => mount::handles(),
        "E20" => path::depth(stage),
        "E24" => program::copied(stage),
        "E25" => program::nameless(),
        "E26" => program::loaded(stage),
        "E27" => program::mapped(stage),
        "E28" => program::generated(),
        "E29" => program::privileged(),
        "E30" => secret::secrets(stage),
        "E31" => privilege::namespaces(),
        "E32" => privilege::clone3(),
        "E33" => privilege::identity(),
        "E34" => process::init(),
        "E35" => process::everyone(),
        "E36" => process::host(stage),
        "E37" => process::memory(stage),
        "E38" => process::foreign_limits(stage),
        "E39" => privilege::own_limits(),
        "E40" => privilege::scheduling(),
        "E41" => process::parentage(),
        "E42" => process::session(),
        _ => return row_of_machine(id, stage),
    };
    Some(results)
}

/// Those of the kernel's calls, the network and the resources.
fn row_of_machine(id: &str, stage: &Stage) -> Option<Results> {
    let results = match id {
        "E43" => kernel::rings(),
        "E44" => kernel::tracing(),
        "E45" => kernel::keys(),
        "E46" => kernel::administration(),
        "E47" => kernel::settings(),
        "E48" => kernel::memory(),
        "E49" => kernel::terminal(),
        "E50" => kernel::foreign_numbers(),
        "E51" => kernel::own_layers(),
        "E52" => kernel::unknown_numbers(),
        "E60" => socket::internet(),
        "E61" => socket::protocols(),
        "E62" => socket::families(),
        "E63" => socket::host_name(stage),
        "E64" => socket::pairs(),
        "E65" => socket::names(),
        "E90" => resource::disk(stage),
        "E91" => resource::forks(),
        "E92" => resource::descriptors(),
        "E93" => resource::memory(),
        "E94" => resource::nameless_files(),
        "E95" => resource::cores(),
        _ => return None,
    };
    Some(results)
}

/// Makes one attempt in the plugin's own process. It comes back where nothing confines it.
pub(crate) fn in_own_process(what: &str, _stage: &Stage) -> Option<Results> {
    let deadly = kernel::deadly(what).or_else(|| resource::deadly(what))?;
    let code = deadly();
    Some(vec![found(what, format!("exit {code}"))])
}
