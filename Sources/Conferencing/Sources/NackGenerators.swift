// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives

/// What is missing of the encodings of one video source. A generator takes 1.9 kB and is made with the first packet of
/// an encoding that somebody watches; it goes with the encoding.
struct NackGenerators: ~Copyable {
    /// By encoding; shorter where the last ones were never watched.
    private var generators = GrowableBuffer<UnsafeMutablePointer<NackGenerator>?>()

    init() {}

    deinit {
        for encoding in 0..<generators.count { generators[encoding]?.deallocate() }
    }

    /// Encodings up to the last one that has a generator.
    var count: Int { generators.count }

    /// The generator of an encoding; `nil` for one that was never watched.
    @inline(__always)
    subscript(_ encoding: Int) -> UnsafeMutablePointer<NackGenerator>? {
        encoding < generators.count ? generators[encoding] : nil
    }

    /// The generator of an encoding, which is made if need be.
    @inline(__always)
    mutating func generator(of encoding: Int) -> UnsafeMutablePointer<NackGenerator> {
        self[encoding] ?? make(encoding)
    }

    /// Takes over the generator that an encoding has in another list.
    mutating func take(_ former: Int, from other: inout NackGenerators, as encoding: Int) {
        guard let generator = other[former] else { return }
        other.generators[former] = nil
        makeRoom(encoding)
        generators[encoding] = generator
    }

    @inline(never)
    private mutating func make(_ encoding: Int) -> UnsafeMutablePointer<NackGenerator> {
        makeRoom(encoding)
        let generator = UnsafeMutablePointer<NackGenerator>.allocate(capacity: 1)
        generator.initialize(to: NackGenerator())
        generators[encoding] = generator
        return generator
    }

    private mutating func makeRoom(_ encoding: Int) {
        while generators.count <= encoding { generators.append(nil) }
    }
}
