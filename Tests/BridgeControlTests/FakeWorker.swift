// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ShardMessages

/// A media worker as far as the directory can tell: it keeps the books and answers all or nothing.
struct FakeWorker {
    var conferences: [ConferenceNumber: [EndpointNumber: String]] = [:]
    /// Everything it was asked, in order.
    private(set) var requests: [ShardRequest] = []
    /// Refuse the next request that makes or changes something with this; removals cannot fail.
    var nextFailure: ShardFailure?
    /// Leave out transports, which a worker must not do.
    var forgetsTransports = false
    /// Restarts so far.
    private(set) var restarts: [EndpointNumber: UInt32] = [:]

    mutating func handle(_ request: ShardRequest) -> ShardEvent {
        requests.append(request)
        let isRemoval = request.operations.allSatisfy { operation in
            switch operation {
            case .expireEndpoint, .expireConference: true
            case .createConference, .createEndpoint, .updateEndpoint, .restartICE: false
            }
        }
        if let failure = nextFailure, !isRemoval {
            nextFailure = nil
            return .answer(ShardAnswer(number: request.number, result: .failure(failure)))
        }
        var copy = conferences
        var transports: [(EndpointNumber, LocalTransport)] = []
        for operation in request.operations {
            switch operation {
            case .createConference: copy[request.conference] = [:]
            case .createEndpoint(let creation):
                guard copy[request.conference] != nil else { return failed(request, .unknownConference) }
                copy[request.conference]?[creation.number] = creation.id
                transports.append((creation.number, Self.transport(of: creation.number)))
            case .updateEndpoint(let number, _, _):
                guard copy[request.conference] != nil else { return failed(request, .unknownConference) }
                guard copy[request.conference]?[number] != nil else { return failed(request, .unknownEndpoint(number)) }
            case .restartICE(let number):
                guard copy[request.conference]?[number] != nil else { return failed(request, .unknownEndpoint(number)) }
                let generation = restarts[number, default: 0] + 1
                restarts[number] = generation
                var transport = Self.transport(of: number)
                transport.ufrag += "r\(generation)"
                transport.setup = .passive
                transport.generation = generation
                transports.append((number, transport))
            case .expireEndpoint(let number): copy[request.conference]?[number] = nil
            case .expireConference: copy[request.conference] = nil
            }
        }
        conferences = copy
        return .answer(ShardAnswer(number: request.number, result: .success(forgetsTransports ? [] : transports)))
    }

    private func failed(_ request: ShardRequest, _ failure: ShardFailure) -> ShardEvent {
        .answer(ShardAnswer(number: request.number, result: .failure(failure)))
    }

    static func transport(of number: EndpointNumber) -> LocalTransport {
        LocalTransport(
            ufrag: "u\(number.value)", password: "p\(number.value)", fingerprint: "0A:1B", setup: .actpass
        )
    }
}
