//! The table of all ufuncs linked into the program: collected once, sorted, checked.

use crate::code::Code;
use crate::core::CoreSignature;
use crate::error::TableError;
use crate::ufunc::{Registration, UfuncDef};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Every registered ufunc, by name.
pub struct Table {
    ufuncs: Vec<&'static UfuncDef>,
    by_name: BTreeMap<&'static str, &'static UfuncDef>,
    errors: Vec<TableError>,
}

/// The table. What a definition got wrong is in [`Table::errors`], the offender left out.
pub fn table() -> &'static Table {
    static TABLE: LazyLock<Table> =
        LazyLock::new(|| Table::new(inventory::iter::<Registration>().map(|r| r.0).collect()));
    &TABLE
}

impl Table {
    /// Sorts and checks.
    pub fn new(mut registered: Vec<&'static UfuncDef>) -> Table {
        registered.sort_by_key(|def| def.name);
        let mut table = Table { ufuncs: vec![], by_name: BTreeMap::new(), errors: vec![] };
        for def in registered {
            match check(def, &table.by_name) {
                Ok(()) => {
                    table.ufuncs.push(def);
                    table.by_name.insert(def.name, def);
                    table.by_name.extend(def.aliases.iter().map(|&alias| (alias, def)));
                }
                Err(error) => table.errors.push(error),
            }
        }
        table
    }

    /// The ufunc of that name or alias.
    pub fn get(&self, name: &str) -> Option<&'static UfuncDef> {
        self.by_name.get(name).copied()
    }

    /// All of them, sorted by name, each once.
    pub fn iter(&self) -> impl Iterator<Item = &'static UfuncDef> + '_ {
        self.ufuncs.iter().copied()
    }

    /// Those that compute one element at a time.
    pub fn elementwise(&self) -> impl Iterator<Item = &'static UfuncDef> + '_ {
        self.iter().filter(|def| def.core.is_none())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ufuncs.len()
    }

    /// Whether nothing is registered, which means the defining crate was not linked.
    pub fn is_empty(&self) -> bool {
        self.ufuncs.is_empty()
    }

    /// Definitions that were refused.
    pub fn errors(&self) -> &[TableError] {
        &self.errors
    }
}

fn check(def: &'static UfuncDef, taken: &BTreeMap<&str, &UfuncDef>) -> Result<(), TableError> {
    let ufunc = def.name;
    for &name in std::iter::once(&def.name).chain(def.aliases) {
        if taken.contains_key(name) {
            return Err(TableError::DuplicateName { name });
        }
    }
    if let Some(core) = def.core {
        let counts = CoreSignature::parse(core).map(|core| (core.inputs().len(), core.outputs().len()));
        let is_axis = |name: &str, core: &CoreSignature| core.axes.iter().any(|axis| axis.name == name);
        let parsed = CoreSignature::parse(core);
        let named = parsed.is_ok_and(|core| def.divisible.iter().all(|name| is_axis(name, &core)));
        if !named || counts != Ok((def.nin(), def.nout())) {
            return Err(TableError::BadCore { ufunc, core });
        }
    }
    let mut seen: Vec<&[_]> = vec![];
    for (index, l) in def.loops().enumerate() {
        if l.inputs.len() != def.nin() || l.outputs.len() != def.nout() {
            return Err(TableError::WrongArity { ufunc, index });
        }
        if let Code::Kernels(kernels) = &l.code
            && !(kernels.core.exists() && def.core.is_some())
            && !((kernels.block.exists() || kernels.strided.exists()) && def.core.is_none())
        {
            return Err(TableError::NoKernel { ufunc, index });
        }
        if seen.contains(&l.inputs) {
            return Err(TableError::DuplicateLoop { ufunc, index });
        }
        seen.push(l.inputs);
    }
    Ok(())
}
