#include "CLinuxIO.h"
int viaduct_abi(void) { return 1; }
