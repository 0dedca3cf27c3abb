// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Primitives

/// All pictures of one conference as the allocation reads them, in the order of speakers, and room for one receiver's
/// run over them. Put together once for all receivers that are served in a row; the memory is the worker's.
struct PictureBoard: ~Copyable {
    /// The pictures.
    private(set) var sources = GrowableBuffer<VideoSource>()
    /// Their layers, those of a picture side by side.
    private(set) var layers = GrowableBuffer<VideoLayer>()
    /// Where each stands in ``Conference/sources``.
    private(set) var slots = GrowableBuffer<UInt16>()
    /// By slot: the place in ``sources``, -1 for none.
    private var places = GrowableBuffer<Int32>()
    /// The first picture of each name, and by place the next one of the same name, -1 for none.
    private var names: [String: Int32] = [:]
    private var nextOfName = GrowableBuffer<Int32>()

    /// What is decided of each picture.
    var results = GrowableBuffer<SourceAllocation>()
    /// What the receiver asks of those that it named.
    var wishes = GrowableBuffer<NamedWish>()

    private var conference: SlabKey?
    private var version: UInt32 = 0
    private var time = Timestamp.zero

    /// How many pictures there are.
    var count: Int { sources.count }

    /// Whether it still shows a conference as it is.
    func shows(_ conference: SlabKey, version: UInt32, at now: Timestamp) -> Bool {
        self.conference == conference && self.version == version && now - time < ConferencingLimits.boardLifetime
            && now >= time
    }

    /// Begins anew.
    /// - Parameter slots: of the conference's sources.
    mutating func begin(_ conference: SlabKey, version: UInt32, slots count: Int, at now: Timestamp) {
        (self.conference, self.version, time) = (conference, version, now)
        sources.removeAll()
        layers.removeAll()
        slots.removeAll()
        places.removeAll()
        names.removeAll(keepingCapacity: true)
        nextOfName.removeAll()
        for _ in 0..<count { places.append(-1) }
    }

    /// Adds a picture; its layers are added next.
    mutating func add(_ source: VideoSource, name: String, slot: Int) {
        let place = Int32(sources.count)
        places[slot] = place
        var source = source
        source.firstLayer = UInt32(layers.count)
        source.layerCount = 0
        sources.append(source)
        slots.append(UInt16(slot))
        nextOfName.append(names.updateValue(place, forKey: name) ?? -1)
    }

    /// Adds a layer to the last picture.
    mutating func add(_ layer: VideoLayer) {
        layers.append(layer)
        sources[sources.count - 1].layerCount += 1
    }

    /// Where the picture in a slot stands, if it is still that one.
    func place(ofSlot slot: Int, key: UInt64) -> Int? {
        guard slot < places.count, case let place = Int(places[slot]), place >= 0, sources[place].key == key else {
            return nil
        }
        return place
    }

    /// The first picture of a name; the others follow by ``next(of:)``.
    func first(named name: String) -> Int? { names[name].map { Int($0) } }

    /// The next picture of the same name.
    func next(of place: Int) -> Int? { nextOfName[place] < 0 ? nil : Int(nextOfName[place]) }

    /// Makes room for a run: nothing was decided, nothing is asked.
    mutating func clearRun() {
        results.removeAll()
        wishes.removeAll()
        for _ in 0..<sources.count { results.append(SourceAllocation()) }
    }

    /// Decides for one receiver.
    mutating func run(
        _ allocator: inout Allocator, for receiver: ReceiverDemand, at now: Timestamp
    ) -> AllocationOutcome {
        Self.run(&allocator, sources, layers, wishes, &results, for: receiver, at: now)
    }

    private static func run(
        _ allocator: inout Allocator, _ sources: borrowing GrowableBuffer<VideoSource>,
        _ layers: borrowing GrowableBuffer<VideoLayer>, _ wishes: borrowing GrowableBuffer<NamedWish>,
        _ results: inout GrowableBuffer<SourceAllocation>, for receiver: ReceiverDemand, at now: Timestamp
    ) -> AllocationOutcome {
        let video = ConferenceVideo(sources: sources.span, layers: layers.span)
        var decided = results.mutableSpan
        return allocator.allocate(video, wishes: wishes.span, for: receiver, at: now, into: &decided)
    }
}
