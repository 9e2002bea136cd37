//! A ufunc's docstring, written from its row of the registry when it is asked for.

use std::fmt::Write;
use ufunx::registry::{Accuracy, Kind, UfuncDef};

/// Columns of a docstring's lines, as in NumPy's.
const WIDTH: usize = 79;

/// The keywords of a ufunc that computes one element at a time.
const KEYWORDS: &str = "out, where, casting, order, dtype, subok, signature";
/// Those of one that computes over core axes.
const CORE_KEYWORDS: &str = "out, casting, order, dtype, subok, signature, axes, axis, keepdims";

/// The docstring under a first line, which says how the ufunc is called.
pub fn docstring(def: &UfuncDef, first_line: &str) -> String {
    let what: Vec<_> = def.doc.lines().map(str::trim).collect();
    let (inputs, outputs) = (def.params.0.join(", "), def.params.1.join(", "));
    let (input, keywords) = match def.core {
        Some(_) => ("Inputs; the axes around their core axes are broadcast.", CORE_KEYWORDS),
        None if def.nin() == 1 => ("Input.", KEYWORDS),
        None => ("Inputs, broadcast to a common shape.", KEYWORDS),
    };
    let mut text = format!(
        "{first_line}\n\n{}\n\n\
         Parameters\n----------\n{inputs} : array_like\n    {input}\n\
         {keywords} : optional\n    As NumPy's ufuncs take them.\n\n\
         Returns\n-------\n{outputs} : ndarray or scalar\n    A scalar where every input is one.\n\n\
         Notes\n-----\n",
        what.join("\n").trim()
    );
    if !def.aliases.is_empty() {
        fill(&mut text, &format!("Also called {}.", def.aliases.join(", ")));
    }
    let dtypes = dtypes(def).join(", ");
    fill(
        &mut text,
        &format!("Native loops take {dtypes}. What NumPy casts to none of these runs NumPy's loops."),
    );
    let is_float = |kind| matches!(kind, Kind::Float | Kind::Complex);
    if def.loops().any(|l| l.outputs.iter().any(|d| is_float(d.kind()))) {
        let accuracy = match def.accuracy {
            Accuracy::Exact => "Floats are rounded once, as IEEE 754 says.".to_owned(),
            Accuracy::Ulp(bound) => format!("Floats are within {bound} ULP of the exact value."),
            Accuracy::Sums => "Floats are within as many ULP of a sum of magnitudes as it has terms, rounded sum by sum, in \
                               an order of ours.".to_owned(),
            Accuracy::UlpOrOf(bound, least) => format!(
                "Floats are within {bound} ULP of the exact value; where operands cancel to less than {least}, within \
                 {bound} ULP of that."
            ),
        };
        fill(&mut text, &accuracy);
        if let Accuracy::Ulp(bound) = def.complex {
            fill(&mut text, &format!("Complex numbers are within {bound} ULP of their larger part."));
        }
    }
    if !def.examples.is_empty() {
        text.push_str("\nExamples\n--------\n>>> import ufunx\n");
    }
    for (arguments, printed) in def.examples {
        let _ = writeln!(text, ">>> ufunx.{}({arguments})\n{printed}", def.name); // to a String: cannot fail
    }
    text
}

/// Names of the dtypes that loops take, each once.
fn dtypes(def: &UfuncDef) -> Vec<&'static str> {
    let mut names: Vec<_> = Vec::new();
    for dtype in def.loops().flat_map(|l| l.inputs) {
        if !names.contains(&dtype.name()) {
            names.push(dtype.name());
        }
    }
    names
}

/// Appends a paragraph's words in lines of [`WIDTH`].
fn fill(text: &mut String, paragraph: &str) {
    let mut column = 0;
    for word in paragraph.split(' ') {
        if column > 0 && column + 1 + word.len() > WIDTH {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
    }
    text.push('\n');
}
