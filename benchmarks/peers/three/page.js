// Draws the pictures of each job with three.js and its MMDLoader, and reads every one of them back.
//
// A picture is drawn at twice its size, averaged to its size by one more pass, and read back: 4 samples a
// pixel. The server takes the time at each mark; see compare.py.
import * as THREE from "three";
import { OutlineEffect } from "three/addons/effects/OutlineEffect.js";
import { MMDLoader } from "three/addons/loaders/MMDLoader.js";

const SUPERSAMPLING = 2;

async function post(path, body) {
  await fetch(path, { method: "POST", body });
}

class Resolver {
  // Averages the samples of a target and encodes them, as a picture that can be stored.
  constructor(size) {
    this.target = new THREE.WebGLRenderTarget(size, size, { depthBuffer: false });
    this.scene = new THREE.Scene();
    this.camera = new THREE.OrthographicCamera(-1, 1, 1, -1, 0, 1);
    this.material = new THREE.ShaderMaterial({
      uniforms: { samples: { value: null } },
      vertexShader: "varying vec2 v; void main() { v = uv; gl_Position = vec4(position.xy, 0.0, 1.0); }",
      fragmentShader: `uniform sampler2D samples; varying vec2 v;
        void main() { gl_FragColor = sRGBTransferOETF(texture2D(samples, v)); }`,
      blending: THREE.NoBlending,
      depthTest: false,
    });
    this.scene.add(new THREE.Mesh(new THREE.PlaneGeometry(2, 2), this.material));
    this.pixels = new Uint8Array(size * size * 4);
  }

  read(renderer, samples) {
    this.material.uniforms.samples.value = samples.texture;
    renderer.setRenderTarget(this.target);
    renderer.render(this.scene, this.camera);
    const size = this.target.width;
    renderer.readRenderTargetPixels(this.target, 0, 0, size, size, this.pixels);
    return this.pixels;
  }
}

function lights() {
  const directional = new THREE.DirectionalLight(0xffffff, 1);
  directional.position.set(-1, 1, 1);
  return [new THREE.AmbientLight(0xaaaaaa, 1), directional];
}

function setPose(mesh, pose) {
  // three stores MMD's axes with z turned around.
  mesh.morphTargetInfluences.fill(0);
  for (const [morph, weight] of pose.morphs) mesh.morphTargetInfluences[morph] = weight;
  for (const [bone, [x, y, z, w]] of pose.bones) mesh.skeleton.bones[bone].quaternion.set(-x, -y, z, w);
}

function loadModel(url) {
  // Resolves when the textures are there too.
  return new Promise((resolve, reject) => {
    const manager = new THREE.LoadingManager();
    let mesh = null;
    manager.onLoad = () => { if (mesh) resolve(mesh); };
    new MMDLoader(manager).load(url, (loaded) => { mesh = loaded; }, undefined, reject);
  });
}

async function drawJob(renderer, job) {
  const { left, right, bottom, top, near, far } = job.camera;
  await post(`/mark?name=${job.name}/load`);
  const mesh = await loadModel(job.url);
  const scene = new THREE.Scene().add(mesh, ...lights());
  const camera = new THREE.OrthographicCamera(left, right, top, bottom, near, far);
  const side = job.size * SUPERSAMPLING;
  const samples = new THREE.WebGLRenderTarget(side, side);
  const resolver = new Resolver(job.size);
  // What three's MMD examples draw outlines with: each mesh once more, as an inverted hull.
  const drawer = job.outline ? new OutlineEffect(renderer) : renderer;

  const draw = (pose) => {
    setPose(mesh, pose);
    renderer.setRenderTarget(samples);
    drawer.render(scene, camera);
    return resolver.read(renderer, samples);
  };

  draw(job.poses[0]); // compiles the shaders, builds the mipmaps
  await post(`/mark?name=${job.name}/draw`);
  for (const pose of job.poses) draw(pose);
  await post(`/mark?name=${job.name}/end`);
  for (const place of job.keep) await post(`/picture?name=${job.name}-${place}`, draw(job.poses[place]));
  scene.remove(mesh);
}

const renderer = new THREE.WebGLRenderer({ alpha: true, antialias: false });
renderer.setClearColor(0x000000, 0);
const gl = renderer.getContext();
const info = gl.getExtension("WEBGL_debug_renderer_info");
await post("/driver", gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
try {
  for (const job of await (await fetch("/jobs")).json()) await drawJob(renderer, job);
  await post("/done", "");
} catch (error) {
  await post("/done", String(error.stack || error));
}
