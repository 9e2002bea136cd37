//! Objects with classes, as Python has them, for the tests of precedence: built from the table in
//! `tests/data/dispatch.txt`.

use std::cell::RefCell;
use ufunx::dispatch::Objects;

/// What instances of a class do when they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table says it")]
pub enum Behaviour {
    Value,
    Refuses,
    Raises,
    None,
    Absent,
    Default,
    Reenters,
}

struct Class {
    name: String,
    bases: Vec<String>,
    virtual_subclasses: Vec<String>,
    behaviour: Behaviour,
}

/// An object: its class, and which of its instances it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    class: usize,
    number: usize,
}

/// All classes, and a log of who was asked.
pub struct World {
    classes: Vec<Class>,
    /// Who was asked, in order.
    pub asked: RefCell<Vec<Object>>,
    /// Whether asking for an instance raises.
    pub instance_check_raises: bool,
}

impl World {
    /// From the rows `name | bases | virtual subclasses | answer`.
    pub fn new(rows: &[Vec<&str>]) -> World {
        let names = |cell: &str| split(cell).map(str::to_owned).collect();
        let class = |row: &Vec<&str>| Class {
            name: row[0].to_owned(),
            bases: names(row[1]),
            virtual_subclasses: names(row[2]),
            behaviour: match row[3] {
                "value" => Behaviour::Value,
                "refuses" => Behaviour::Refuses,
                "raises" => Behaviour::Raises,
                "none" => Behaviour::None,
                "absent" => Behaviour::Absent,
                "default" => Behaviour::Default,
                "reenters" => Behaviour::Reenters,
                other => panic!("no such answer: {other}"),
            },
        };
        let classes = rows.iter().map(class).collect();
        World { classes, asked: RefCell::default(), instance_check_raises: false }
    }

    /// One class more; the objects of those before stay good.
    pub fn add(&mut self, name: &str, behaviour: Behaviour) {
        let (bases, virtual_subclasses) = (vec![], vec![]);
        self.classes.push(Class { name: name.to_owned(), bases, virtual_subclasses, behaviour });
    }

    /// `Base, Base.2, Child*3`.
    pub fn objects(&self, text: &str) -> Vec<Object> {
        let object = |word: &str| {
            let (word, times) = word.split_once('*').unwrap_or((word, "1"));
            let (name, number) = word.split_once('.').unwrap_or((word, "1"));
            let object = Object { class: self.class(name), number: number.parse().expect("a number") };
            vec![object; times.parse().expect("a number")]
        };
        split(text).flat_map(object).collect()
    }

    /// As [`World::objects`] reads it.
    pub fn text(&self, objects: &[Object]) -> String {
        let text = |object: &Object| match object.number {
            1 => self.class_name(*object),
            number => format!("{}.{number}", self.class_name(*object)),
        };
        objects.iter().map(text).collect::<Vec<_>>().join(", ")
    }

    /// What the object does.
    pub fn behaviour(&self, object: Object) -> Behaviour {
        self.classes[object.class].behaviour
    }

    /// Whether the object is an `Array`, of a subclass or not.
    pub fn is_array(&self, object: Object) -> bool {
        self.inherits(object.class, self.class("Array"))
    }

    fn class(&self, name: &str) -> usize {
        self.classes.iter().position(|c| c.name == name).unwrap_or_else(|| panic!("no class {name}"))
    }

    fn inherits(&self, class: usize, from: usize) -> bool {
        class == from || self.classes[class].bases.iter().any(|base| self.inherits(self.class(base), from))
    }
}

/// The words of a list with commas.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

impl Objects for World {
    type Object = Object;
    type Error = String;

    fn same_class(&self, a: Object, b: Object) -> bool {
        a.class == b.class
    }

    fn is_instance(&self, a: Object, class_of: Object) -> Result<bool, String> {
        if self.instance_check_raises {
            return Err("raised in an instance check".to_owned());
        }
        let adopted = &self.classes[class_of.class].virtual_subclasses;
        Ok(self.inherits(a.class, class_of.class) || adopted.contains(&self.classes[a.class].name))
    }

    fn class_name(&self, object: Object) -> String {
        self.classes[object.class].name.clone()
    }
}
