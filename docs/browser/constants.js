// Where Python comes from. Nothing else in these pages names a place.

// "pyodide": Python runs in the page's worker. "server": the worker sends each message to SERVER, where the same Python
// side answers natively; the tests use this.
export const TRANSPORT = "pyodide";
export const SERVER = "python";

// Pyodide, the interpreter in WebAssembly: a folder or an address that ends in "/", here that of its own distribution.
// The worker refuses every file whose digest is not one of those below. There are two builds of this version, with
// sources and with compiled files; where they differ, both digests stand.
export const PYODIDE = {
  base: "https://cdn.jsdelivr.net/pyodide/v0.27.4/full/",
  integrity: {
    "pyodide.mjs": "sha256-+3g3/Vj6Gjvesjub9LfE5ak8wPg8+xH8UIOoPMEcuQU=",
    "pyodide.asm.js": "sha256-WoStStMUwsbQoWW6psAzOZmch/Js+3TE3gqqbxIU85A=",
    "pyodide.asm.wasm": "sha256-ydhoIRMGSN98/aPEYwR/RMCM++rtUnLclouLHbj9OZ4=",
    "python_stdlib.zip":
      "sha256-wJ/fZqlfe9xS3LsJ1zxZnlfsRe7MJLN+bkBzEtmp3bE= " +
      "sha256-T/mPbgfGmgCXlZ+09K76+Cm9NsKr/IZMTB4Baa5GoRM=",
    "pyodide-lock.json":
      "sha256-+vc9dVsGTEkNI7jxXxbb1N/cPF0dK3qGKEQ70bYLBec= " +
      "sha256-qfABcSqTDrsu+Z3pjB7Y8SpHRM+Juf3qbmvEwoqtwtM=",
    "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl":
      "sha256-y7G0L1TUvq1pcv+ujSZxpxhC0ucGiuhnR6esUN3PXdY= " +
      "sha256-MtIg0YU3IWSri6HnlAHFYAAcZqx+hVAeRQ3y1BNlAEc=",
  },
  numpy: "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl",
};

// The wheels beside these pages: the library, which is as old as the pages, and threadpoolctl, which it imports.
export const WHEELS = {
  "wheels/mlp_numpy-0.2.0-py3-none-any.whl": "",
  "wheels/threadpoolctl-3.6.0-py3-none-any.whl":
    "sha256-Q6C4/VopKFABEAOeQ6Xu2EgLkYlnCD6kjcOrnxPEp/s=",
};
