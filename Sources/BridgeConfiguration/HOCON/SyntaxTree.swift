// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// An object as written: every assignment to a key is kept until substitutions are resolved.
final class ObjectSyntax {
    private(set) var order: [String] = []
    private(set) var slots: [String: Slot] = [:]

    /// The slot of a key, made on first use.
    func slot(_ key: String) -> Slot {
        if let slot = slots[key] { return slot }
        let slot = Slot()
        slots[key] = slot
        order.append(key)
        return slot
    }

    /// The object that stands last at `path`, made when the path does not end in one.
    func object(at path: [String], location: SourceLocation) -> ObjectSyntax {
        var object = self
        for key in path { object = object.slot(key).openObject(at: location) }
        return object
    }

    /// Appends every assignment of `newer` after the ones already here.
    func append(_ newer: ObjectSyntax) {
        for key in newer.order {
            guard let entries = newer.slots[key]?.entries else { continue }
            let slot = slot(key)
            for entry in entries { slot.append(entry.value, at: entry.location) }
        }
    }
}

/// All values assigned to one key, oldest first.
final class Slot {
    struct Entry {
        let value: ValueSyntax
        let location: SourceLocation
    }

    private(set) var entries: [Entry] = []
    /// The entry being resolved right now; a reference to this key from inside it means the entries before.
    var resolving: Int?
    /// The outcome, once known.
    var outcome: ConfigurationNode??

    /// Adds a value; an object joins the object before it.
    func append(_ value: ValueSyntax, at location: SourceLocation) {
        if case .object(let newer) = value, let older = lastObject(at: location) {
            older.append(newer)
        } else {
            entries.append(Entry(value: value, location: location))
        }
    }

    /// The object at the end of this slot; a new one when the last value is something else.
    func openObject(at location: SourceLocation) -> ObjectSyntax {
        if let object = lastObject(at: location) { return object }
        let object = ObjectSyntax()
        entries.append(Entry(value: .object(object), location: location))
        return object
    }

    /// The object at the end of this slot, about to be extended from `location`. A default is then somebody's.
    private func lastObject(at location: SourceLocation) -> ObjectSyntax? {
        guard let last = entries.last, case .object(let object) = last.value else { return nil }
        if last.location.isBuiltIn { entries[entries.count - 1] = Entry(value: last.value, location: location) }
        return object
    }
}

/// `${path}` or `${?path}`.
struct Substitution {
    var path: [String]
    /// Where the including file put this file; tried in front of the path first.
    var prefix: [String]
    var isOptional: Bool
    /// Where it is written.
    var location: SourceLocation
}

/// A value as written.
indirect enum ValueSyntax {
    case null
    case text(String, quoted: Bool)
    case list([Slot.Entry])
    case object(ObjectSyntax)
    case substitution(Substitution)
    /// What the same key held before: the left part of `+=`.
    case previous
    case concatenation([Slot.Entry])
    /// White space between two parts of a concatenation; means nothing between objects or lists.
    case space(String)
}
