/** Imported first by a thread that needs few functions of the C library: see ffi/late-binding.ts. */
import { bindingPlan } from "../../../ffi/late-binding.ts";

bindingPlan.isLate = true;
