// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import VideoPayload

@testable import Forwarding

/// A ``LayerSender`` that writes dependency descriptors, a bridge that reads and rewrites them for a receiver, and the
/// receiver, who reads them again.
struct DescribedCall {
    /// A reader of descriptors.
    final class Reader { var history = DependencyHistory() }

    var random: Random
    var sender: LayerSender
    var histories: [FrameHistory]
    let readers: [Reader]
    let receiver = Reader()
    var view: LayerView
    var judge = LayerJudge()
    /// What the receiver read otherwise than it was sent.
    var faults: [String] = []
    var now = Timestamp(nanoseconds: 1_000_000_000)
    /// The targets that the sender says it sends, when it says so.
    var activeTargets: UInt32?
    /// Where each encoding's templates begin, and for how many layers they are.
    private var offsets: [UInt8]
    private var structures: [Int]
    private var endOfTemplates: UInt8?
    private var lastGeneration: UInt32 = 0

    init(seed: UInt64, _ mode: LayerSender.Mode, layers: Int = 3, encodings: Int = 1) {
        random = Random(seed: seed)
        sender = LayerSender(mode, layers: layers, encodings: encodings, &random)
        histories = [FrameHistory](repeating: FrameHistory(), count: encodings)
        readers = (0..<encodings).map { _ in Reader() }
        view = LayerView(after: UInt16(truncatingIfNeeded: random.next()), random: random.next())
        offsets = (0..<encodings).map { UInt8($0 * 20 & 63) }
        structures = [Int](repeating: layers, count: encodings)
    }

    mutating func aim(_ encoding: Int8, _ spatial: UInt8, _ temporal: UInt8) {
        view.aim(at: LayerTarget(encoding: encoding, spatial: spatial, temporal: temporal))
    }

    /// Moments on a network that loses nothing.
    mutating func run(_ moments: Int) {
        for _ in 0..<moments {
            for sent in sender.next(&random) { pass(sent, isLossless: true) }
            now = now + .milliseconds(33)
        }
    }

    /// Once in a while the receiver wants something else, and the sender hears of the key frame that this takes.
    mutating func wish(isFirst: Bool) {
        if isFirst || random.next() % 30 == 0 {
            aim(Int8(random.next() % UInt64(histories.count)), UInt8(random.next() % 4), UInt8(random.next() % 3))
        }
        if view.needsKeyframe, random.next() % 8 == 0 { sender.wantsKeyframe = true }
    }

    mutating func pass(_ sent: LayerSender.Sent, isLossless: Bool) {
        let bytes = write(sent)
        let index = Int(sent.encoding)
        // Unwrapped, near enough: what is late is none of the reader's business here.
        let number = Int64(sender.numbers[sent.frame].layerFrame) * 2 + (sent.isStart ? 0 : 1)
        guard
            let descriptor = try? readers[index].history.read(
                bytes.span.bytes, from: 0, to: bytes.count, sequence: number),
            let frame = histories[index].note(descriptor, by: readers[index].history)
        else { return }
        let packet = LayerView.Packet(
            descriptor, encoding: sent.encoding, sequence: sent.sequence, timestamp: sent.timestamp, frame: frame)
        guard let outgoing = view.take(packet, history: &histories[index], at: now) else { return }
        judge.got.append(LayerJudge.Got(outgoing: outgoing, sent: sent))
        if isLossless { receive(outgoing, descriptor, bytes) }
    }

    private mutating func receive(_ outgoing: LayerView.Outgoing, _ descriptor: DependencyDescriptor, _ bytes: [UInt8])
    {
        let written = Self.array {
            descriptor.rewrite(
                bytes.span.bytes, from: 0, to: bytes.count, templateDelta: outgoing.templateDelta,
                frameDelta: outgoing.pictureID &- descriptor.frameNumber,
                activeTargets: outgoing.activeTargets == 0 ? nil : outgoing.activeTargets, to: &$0)
        }
        guard
            let read = try? receiver.history.read(
                written.span.bytes, from: 0, to: written.count, sequence: Int64(judge.got.count))
        else { return faults.append("unreadable behind \(outgoing.sequence)") }
        guard read.resolution == .resolved else { return faults.append("unresolved at \(outgoing.sequence)") }
        if read.frameNumber != outgoing.pictureID || read.spatialID != descriptor.spatialID
            || read.temporalID != descriptor.temporalID || read.indications != descriptor.indications
            || read.differences != descriptor.differences
        {
            faults.append("frame \(outgoing.pictureID) reads otherwise")
        }
        if receiver.history.generation != lastGeneration {
            lastGeneration = receiver.history.generation
            if let endOfTemplates, endOfTemplates != receiver.history.newest.templateIDOffset {
                faults.append("templates begin at \(receiver.history.newest.templateIDOffset), not \(endOfTemplates)")
            }
            endOfTemplates = receiver.history.newest.nextTemplateID(movedBy: 0)
        }
    }

    /// Within an encoding frame numbers stay as far apart as they are; a switch goes on with the next.
    func numberFaults() -> [String] {
        var faults: [String] = []
        for (one, next) in zip(judge.ordered, judge.ordered.dropFirst()) {
            let (old, new) = (sender.numbers[one.sent.frame], sender.numbers[next.sent.frame])
            let isSwitch = one.sent.encoding != next.sent.encoding
            let distance = Int(Int16(bitPattern: next.outgoing.pictureID &- one.outgoing.pictureID))
            if distance != (isSwitch ? 1 : new.layerFrame - old.layerFrame) {
                faults.append("frame numbers go on by \(distance) behind \(one.outgoing.sequence)")
            }
        }
        return faults
    }

    // MARK: Descriptors

    /// What a frame is to the target of spatial layer `target` / 3 and temporal layer `target` % 3.
    private static func indication(
        _ spatial: Int, _ temporal: Int, isKey: Bool, _ mode: LayerSender.Mode, target: Int
    ) -> DecodeTargetIndication {
        let (space, time) = (target / 3, target % 3)
        guard space >= spatial, time >= temporal else { return .notPresent }
        if space > spatial {
            if mode == .none || mode == .key && !isKey { return .notPresent }
            return isKey ? .switching : .required
        }
        return time == temporal && temporal > 0 ? .discardable : .switching
    }

    private static func template(
        _ spatial: Int, _ temporal: Int, isKey: Bool, _ mode: LayerSender.Mode, layers: Int
    ) -> DependencyTemplate {
        var template = DependencyTemplate(spatialID: UInt8(spatial), temporalID: UInt8(temporal))
        for target in 0..<layers * 3 {
            template.indications.set(indication(spatial, temporal, isKey: isKey, mode, target: target), for: target)
        }
        if spatial > 0, isKey && mode != .none || mode == .full { template.differences.append(1) }
        if !isKey { template.differences.append(UInt16(layers * [4, 2, 1][temporal])) }
        return template
    }

    private mutating func write(_ sent: LayerSender.Sent) -> [UInt8] {
        let (frame, numbers) = (sender.frames[sent.frame], sender.numbers[sent.frame])
        let index = Int(sent.encoding)
        var descriptor = DependencyDescriptor()
        descriptor.hasStructure = frame.isKeyPicture && frame.spatial == 0 && sent.isStart
        if descriptor.hasStructure, structures[index] != sender.layers {
            offsets[index] = (offsets[index] + UInt8(structures[index] * 4)) & 63
            structures[index] = sender.layers
        }
        let layers = structures[index]
        var templates: [DependencyTemplate] = []
        for spatial in 0..<layers {
            templates.append(Self.template(spatial, 0, isKey: true, sender.mode, layers: layers))
            for temporal in 0..<3 {
                templates.append(Self.template(spatial, temporal, isKey: false, sender.mode, layers: layers))
            }
        }
        guard
            let structure = DependencyStructure(
                templateIDOffset: offsets[index], templates: templates, targetCount: layers * 3)
        else { return [] }
        let place = frame.spatial * 4 + (frame.isKeyPicture ? 0 : 1 + frame.temporal)
        descriptor.isStartOfFrame = sent.isStart
        descriptor.isEndOfFrame = sent.isEnd
        descriptor.templateID = (offsets[index] + UInt8(place)) & 63
        descriptor.frameNumber = UInt16(truncatingIfNeeded: numbers.layerFrame)
        if let activeTargets, sent.isStart {
            descriptor.hasActiveTargets = true
            descriptor.activeTargets = activeTargets
        }
        descriptor.hasCustomDifferences = true
        for reference in frame.references {
            descriptor.differences.append(UInt16(numbers.layerFrame - sender.numbers[reference].layerFrame))
        }
        return Self.array { descriptor.write(structure: structure, to: &$0) }
    }

    private static func array(_ body: (inout BufferWriter) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 300) { memory, count in
            var writer = BufferWriter(UnsafeMutableRawBufferPointer(memory))
            body(&writer)
            count = writer.isTruncated ? 0 : writer.count
        }
    }
}
