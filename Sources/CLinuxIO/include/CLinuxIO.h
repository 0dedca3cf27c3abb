// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#pragma once

/// Placeholder until the first call lands.
int viaduct_abi(void);
