//! Precedence among foreign objects, with the classes and over the cases of `tests/data/dispatch.txt`.

use smallvec::SmallVec;
use ufunx::dispatch::arguments::{Keyword, Method, Refusal, Target, Values, normalize};
use ufunx::dispatch::function::{
    Classes, Decision, MOST_CLASSES, decide, decide_like, default_takes, no_implementation,
};
use ufunx::dispatch::ufunc::{Override, dispatch};
use ufunx::dispatch::wrap::{Holder, choose};
use ufunx::dispatch::{Answer, Candidates, Failure, Objects, function};
use ufunx_tests::objects::{Behaviour, Object, World, split};

/// The rows of a section, cell by cell.
fn rows(section: &str) -> Vec<Vec<&'static str>> {
    let text = include_str!("../data/dispatch.txt");
    let header = format!("\n[{section}]\n");
    let start = text.find(&header).unwrap_or_else(|| panic!("no section {section}")) + header.len();
    let section = text[start..].split("\n[").next().unwrap_or_default();
    let lines = section.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('|').map(str::trim).collect()).collect()
}

fn world() -> World {
    World::new(&rows("classes"))
}

/// The outcome of a call that failed, as the table has it.
fn failure(failure: Failure<Object, String>) -> String {
    match failure {
        Failure::Raised(error) => error,
        Failure::AllRefused { .. } => "all refused".to_owned(),
        other => other.message().expect("a message"),
    }
}

// __array_ufunc__

/// Calls a ufunc on these operands; the error is what an override would see it raise.
fn call_ufunc(world: &World, operands: &[Object]) -> Result<String, String> {
    let look_up = |object| match world.behaviour(object) {
        Behaviour::None => Override::OptOut,
        Behaviour::Absent | Behaviour::Default => Override::Absent,
        own => Override::Method(own),
    };
    let answer = dispatch(world, operands.iter().copied(), look_up, |object, own| {
        world.asked.borrow_mut().push(object);
        match own {
            Behaviour::Value => Ok(Answer::Value(world.class_name(object))),
            Behaviour::Raises => Err("raises".to_owned()),
            Behaviour::Reenters => {
                let array = world.objects("Array")[0];
                let replaced = |&o: &Object| if world.same_class(o, object) { array } else { o };
                let inner: Vec<_> = operands.iter().map(replaced).collect();
                call_ufunc(world, &inner).map(Answer::Value)
            }
            _ => Ok(Answer::Refused),
        }
    });
    answer.map(|value| value.unwrap_or_else(|| "native".to_owned())).map_err(failure)
}

#[test]
fn who_takes_a_ufunc_call_over() {
    let rows = rows("ufunc");
    assert!(rows.len() > 60);
    for row in rows {
        let world = world();
        let operands = [row[0], row[1], row[2]].map(|text| world.objects(text)).concat();
        let outcome = call_ufunc(&world, &operands).unwrap_or_else(|error| error);
        assert_eq!(
            (world.text(&world.asked.borrow()).as_str(), outcome.as_str()),
            (row[3], row[4]),
            "{row:?}"
        );
    }
}

#[test]
fn those_who_refused_are_named_in_the_order_they_were_asked() {
    let world = world();
    let operands = world.objects("Base, Other, Child");
    let refuse = |_, _: &()| Ok(Answer::<()>::Refused);
    let answer = dispatch(&world, operands.into_iter(), |_| Override::Method(()), refuse);
    assert_eq!(answer, Err(Failure::AllRefused { asked: world.objects("Other, Child, Base") }));
}

#[test]
fn an_instance_check_that_raises_ends_the_call() {
    let mut world = world();
    world.instance_check_raises = true;
    let raised = Err("raised in an instance check".to_owned());
    assert_eq!(call_ufunc(&world, &world.objects("Base, Child")), raised);
    assert_eq!(call_function(&world, &world.objects("Base, Child")).1, raised);
    assert!(world.asked.borrow().is_empty());
    // With one candidate there is nothing to check.
    assert_eq!(call_ufunc(&world, &world.objects("Array, Plain")), Ok("Plain".to_owned()));
    assert_eq!(call_function(&world, &world.objects("Plain, Number")).1, Ok("Plain".to_owned()));
}

#[test]
fn a_long_class_name_is_cut_where_numpy_cuts_it() {
    let failure = Failure::<(), ()>::OptedOut { class: "é".repeat(150) };
    let text = format!("operand '{}' does not support ufuncs (__array_ufunc__=None)", "é".repeat(100));
    assert_eq!(failure.message(), Some(text));
}

// __array_function__

/// An own method of a class, or `ndarray`'s.
fn implementer(world: &World, object: Object) -> Option<Behaviour> {
    Some(world.behaviour(object)).filter(|behaviour| *behaviour != Behaviour::Absent)
}

fn is_default(behaviour: &Behaviour) -> bool {
    *behaviour == Behaviour::Default
}

type Decided = Result<Decision<Object, Behaviour>, Failure<Object, String>>;

/// Runs what was decided: who had been collected, and the outcome.
fn run(world: &World, decided: Decided) -> Result<String, String> {
    let found = match decided.map_err(failure)? {
        Decision::Implementation => return Ok("implementation".to_owned()),
        Decision::Ask(found) => found,
    };
    let classes: Vec<_> = found.iter().map(|(object, _)| *object).collect();
    let answer = function::dispatch::<World, _, _>(found, |object, behaviour| {
        if is_default(behaviour) {
            let takes = default_takes(classes.iter().copied(), |o| Ok::<_, String>(world.is_array(o)))?;
            return Ok(if takes { Answer::Value("implementation".to_owned()) } else { Answer::Refused });
        }
        world.asked.borrow_mut().push(object);
        match behaviour {
            Behaviour::Value => Ok(Answer::Value(world.class_name(object))),
            Behaviour::Raises => Err("raises".to_owned()),
            _ => Ok(Answer::Refused),
        }
    });
    answer.map_err(failure)
}

fn call_function(world: &World, relevant: &[Object]) -> (String, Result<String, String>) {
    let look_up = |object| implementer(world, object);
    let collected: Result<Candidates<_, _>, _> = function::collect(world, relevant.iter().copied(), look_up);
    match (function::classes(world, relevant.iter().copied(), look_up), &collected) {
        (Classes::None, Ok(found)) => assert!(found.is_empty()),
        (Classes::One(object, behaviour), Ok(found)) => assert_eq!(found[..], [(object, behaviour)]),
        (Classes::More, found) => assert!(found.as_ref().map_or(true, |found| found.len() > 1)),
        (_, Err(_)) => panic!("too many classes are more than one"),
    }
    let order: Vec<_> = collected.into_iter().flatten().map(|(object, _)| object).collect();
    let decided = decide(world, relevant.iter().copied(), look_up, is_default);
    (world.text(&order), run(world, decided))
}

#[test]
fn who_takes_a_function_over() {
    let rows = rows("function");
    assert!(rows.len() > 30);
    for row in rows {
        let world = world();
        let (order, outcome) = call_function(&world, &world.objects(row[0]));
        let outcome = outcome.unwrap_or_else(|error| error);
        let asked = world.text(&world.asked.borrow());
        assert_eq!([order.as_str(), &asked, &outcome], row[1..], "{row:?}");
    }
}

#[test]
fn whom_an_array_is_made_like() {
    let rows = rows("like");
    assert!(rows.len() > 8);
    for row in rows {
        let world = world();
        let look_up = |object| implementer(&world, object);
        let decided = decide_like::<World, _>(world.objects(row[0])[0], look_up, is_default);
        let outcome = run(&world, decided).unwrap_or_else(|error| error);
        let asked = world.text(&world.asked.borrow());
        assert_eq!([asked.as_str(), &outcome], row[1..], "{row:?}");
    }
}

#[test]
fn at_most_64_classes_may_have_the_protocol() {
    let mut world = world();
    let names: Vec<_> = (0..=MOST_CLASSES).map(|i| format!("Made{i}")).collect();
    for name in &names {
        world.add(name, Behaviour::Refuses);
    }
    let all = world.objects(&names.join(","));
    let (order, outcome) =
        call_function(&world, &[&all[..64], &all[..10], &world.objects("Number")].concat());
    assert_eq!((order, outcome), (names[..64].join(", "), Err("all refused".to_owned())));
    let text = "maximum number (64) of distinct argument types implementing __array_function__ exceeded";
    assert_eq!(call_function(&world, &all).1, Err(text.to_owned()));
}

#[test]
fn arrays_own_method_takes_calls_of_arrays_only() {
    let answer = default_takes([1, 2].into_iter(), |i| if i == 1 { Ok(true) } else { Err("raised") });
    assert_eq!(answer, Err("raised"));
    // The first that is no array settles it.
    assert_eq!(
        default_takes([1, 2].into_iter(), |i| if i == 1 { Ok(false) } else { Err("raised") }),
        Ok(false)
    );
}

#[test]
fn the_sentence_when_all_refused() {
    let text =
        "no implementation found for 'numpy.sum' on types that implement __array_function__: [<class 'A'>]";
    assert_eq!(no_implementation("numpy.sum", "[<class 'A'>]"), text);
}

// __array_wrap__

#[test]
fn whose_wrap_is_called() {
    let holder = |word: &str| match word {
        "Array" => Holder::Array,
        "Scalar" => Holder::Scalar,
        "Nothing" => Holder::Nothing,
        _ => {
            let priority = word[2..word.len() - 1].parse().expect("a number");
            if word.starts_with('W') { Holder::Wrap(priority) } else { Holder::Refuses(priority) }
        }
    };
    let rows = rows("wrap");
    assert!(rows.len() > 45);
    for row in rows {
        let place = choose(split(row[0]).map(holder)).map_or("-".to_owned(), |i| i.to_string());
        assert_eq!(place, row[1], "{row:?}");
    }
}

// Normalised arguments

/// Values are their own text.
struct Texts {
    knows_ellipsis_out: bool,
}

impl Values for Texts {
    type Value = &'static str;

    fn is_none(&self, value: &'static str) -> bool {
        value == "None"
    }
    fn is_ellipsis(&self, value: &'static str) -> bool {
        value == "..."
    }
    fn none(&self) -> &'static str {
        "None"
    }
    fn is_no_value(&self, value: &'static str) -> bool {
        value == "novalue"
    }
    fn tuple(&self, value: &'static str) -> Option<SmallVec<[&'static str; 2]>> {
        let inside = value.strip_prefix('(')?.strip_suffix(')')?;
        Some(split(inside).collect())
    }
    fn knows_ellipsis_out(&self) -> bool {
        self.knows_ellipsis_out
    }
}

/// The arguments in a call's parentheses: commas inside of a tuple do not count.
fn arguments(text: &'static str) -> Vec<&'static str> {
    let (mut depth, mut start, mut found) = (0, 0, vec![]);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                found.push(text[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    found.push(text[start..].trim());
    found.retain(|argument| !argument.is_empty());
    found
}

/// A call as overrides would be handed it: inputs, keywords.
fn normalized(call: &'static str, values: &Texts) -> Result<(String, String), Refusal> {
    let (callee, inside) = call.strip_suffix(')').and_then(|c| c.split_once('(')).expect("a call");
    let (ufunc, method) = callee.split_once('.').unwrap_or((callee, "__call__"));
    let all = [Method::Call, Method::Outer, Method::Reduce, Method::Accumulate, Method::Reduceat, Method::At];
    let method = *all.iter().find(|m| m.name() == method).expect("a method");
    let (nin, nout) = match ufunc {
        "absolute" => (1, 1),
        "divmod" => (2, 2),
        _ => (2, 1),
    };
    let target = Target { nin, nout, generalized: ufunc == "matmul" };
    let (named, positional): (Vec<_>, Vec<_>) =
        arguments(inside).into_iter().partition(|a| !a.starts_with('(') && a.contains('='));
    let named = named.iter().map(|a| a.split_once('=').expect("a keyword"));
    let named = named.map(|(name, value)| (Keyword::of(name.as_bytes()), value));
    let normal = normalize(values, target, method, &positional, named)?;
    let keyword = |&(keyword, value): &(Keyword, &str)| match (keyword, &normal.outputs) {
        (Keyword::Out, Some(outputs)) if outputs.len() == 1 => format!("out=({},)", outputs[0]),
        (Keyword::Out, Some(outputs)) => format!("out=({})", outputs.join(", ")),
        _ => format!("{}={value}", keyword.text()),
    };
    let keywords: Vec<_> = normal.keywords.iter().map(keyword).collect();
    Ok((normal.inputs.join(", "), keywords.join(", ")))
}

#[test]
fn what_overrides_are_handed() {
    let rows = rows("arguments");
    assert!(rows.len() > 90);
    for row in rows {
        let (inputs, keywords) = match normalized(row[0], &Texts { knows_ellipsis_out: true }) {
            Ok(normal) => normal,
            Err(refusal) => ("refused".to_owned(), format!("{refusal:?}")),
        };
        assert_eq!([inputs.as_str(), &keywords], row[1..], "{row:?}");
    }
}

#[test]
fn an_ellipsis_is_an_output_like_any_other_before_numpy_2_3() {
    let handed = normalized("add(P, X, out=...)", &Texts { knows_ellipsis_out: false });
    assert_eq!(handed, Ok(("P, X".to_owned(), "out=(...,)".to_owned())));
}

#[test]
fn results_without_dimensions_stay_arrays_only_by_an_ellipsis() {
    let target = Target { nin: 1, nout: 1, generalized: false };
    for (value, expected) in [("...", true), ("None", false), ("O", false)] {
        let named = [(Some(Keyword::Out), value)].into_iter();
        let values = Texts { knows_ellipsis_out: true };
        let normal = normalize(&values, target, Method::Call, &["X"], named).expect("a sound call");
        assert_eq!((normal.keep_arrays, normal.out_by_keyword), (expected, true), "{value}");
    }
}

#[test]
fn the_mask_of_reductions_and_calls_is_asked_last_and_no_others() {
    let target = Target { nin: 2, nout: 1, generalized: false };
    let operands = |method, positional: &[&'static str], named: &[(Keyword, &'static str)]| {
        let named = named.iter().map(|&(keyword, value)| (Some(keyword), value));
        let values = Texts { knows_ellipsis_out: true };
        let normal = normalize(&values, target, method, positional, named).expect("a sound call");
        normal.operands(method).collect::<Vec<_>>().join(" ")
    };
    let named = [(Keyword::Where, "M"), (Keyword::Dtype, "f"), (Keyword::Out, "O")];
    assert_eq!(operands(Method::Call, &["A", "B"], &named), "A B O M");
    assert_eq!(operands(Method::Outer, &["A", "B"], &named), "A B O M");
    assert_eq!(operands(Method::Reduce, &["A"], &named), "A O M");
    assert_eq!(operands(Method::Reduce, &["A", "0", "f", "O", "k", "i", "M"], &[]), "A O M");
    assert_eq!(operands(Method::Accumulate, &["A", "0", "f", "O"], &[]), "A O");
    assert_eq!(operands(Method::Reduceat, &["A", "I", "0", "f", "O"], &[]), "A I O");
    assert_eq!(operands(Method::At, &["A", "I", "B"], &[]), "A I B");
}
