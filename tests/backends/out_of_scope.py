"""What the packages export beside the activations and losses that are bound: by place and reason, so that a new name needs either.

Data for test_exports and exports: place -> reason -> names. It knows no framework. A name that is neither bound nor here
fails the test, and so does one that is here and no longer there.
"""

from __future__ import annotations

CONVOLUTION = "a convolution"
POOLING = "pooling"
NORMALISATION = "normalisation"
DROPOUT = "dropout, or other random numbers"
ATTENTION = "attention"
LINEAR = "a linear map or a product of matrices"
EMBEDDING = "an embedding, or an encoding of indices"
RECURRENT = "a recurrent layer"
PICTURE = "moves, pads or resamples elements and leaves their values"
CONTAINER = "a container of layers or parameters, or their base"
HELPER = "a helper: a type, a decorator, a registry"
SPECIAL = "a special function that is not used as an activation by this name"
SAMPLING = "sampling losses: out of scope for good, they draw random numbers"
STATISTICS = "statistics, order, and counting"
KERAS_2 = "left over from Keras 2, deprecated: its documentation says nothing but that"
DIVERGENCE = (
    "p·log(p/q) − p + q of probabilities; the standard has that of their logarithms, which is generalized_kl_divergence"
)
RESIDUAL = "takes the error itself, and no prediction and target, between which a loss is"
TRANSFORMATION = "transforms the gradients of an optimiser"
SAME_OBJECT = "the very object that torch.nn.functional shows, where it is bound"
BENEATH = "what the function of this name in torch.nn.functional calls: no page of its own, and numbers for reductions"
UNDOCUMENTED = "a method without a page, and no documentation names it"
LEARNT = "learns its own weights and clusters: a layer, whose loss is cross entropy"
DEPRECATED = "deprecated, for another name that is bound"
EVERY_PAIR = "the distances of every pair of rows of one tensor: no loss, and pairwise_distance is bound"
CLIP = "clips to any bounds and claims to be no activation; the package's hard_tanh, which does, is bound"
MATRIX = "makes an identity matrix"
RENAMED = "an older name of a function of keras.losses that is bound: the same object"
METRIC = "a metric: it keeps the mean, over all batches so far, of a function of keras.losses that is bound"
SPARSE = "takes a SparseTensor, and is a function of its own"
SCAN = "a running sum along an axis"
REPLICAS = "divides a sum by the number of replicas of a distribution strategy; it has no formula of its own"
CTC_LABELS = "prepares the labels of CTC, and is no loss"

OUT_OF_SCOPE: dict[str, dict[str, str]] = {
    "torch": {
        CLIP: "clip clip_",
        DROPOUT: "poisson",
        SAME_OBJECT: "cosine_similarity pairwise_distance",
        BENEATH: """
            binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss hinge_embedding_loss kl_div margin_ranking_loss
            poisson_nll_loss triplet_margin_loss
        """,
    },
    "torch.Tensor": {
        CLIP: "clip clip_",
        DROPOUT: "exponential_",
        UNDOCUMENTED: "log_softmax",
    },
    "torch.nn": {
        LEARNT: "AdaptiveLogSoftmaxWithLoss",
        DEPRECATED: "NLLLoss2d",
        CONVOLUTION: """
            Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d LazyConv3d
            LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d
        """,
        POOLING: """
            AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d
            AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d MaxPool1d MaxPool2d
            MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d
        """,
        NORMALISATION: """
            BatchNorm1d BatchNorm2d BatchNorm3d CrossMapLRN2d GroupNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d LayerNorm
            LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d
            LocalResponseNorm RMSNorm SyncBatchNorm
        """,
        DROPOUT: "AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout",
        ATTENTION: """
            MultiheadAttention Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer
        """,
        LINEAR: "Bilinear LazyLinear Linear",
        EMBEDDING: "Embedding EmbeddingBag",
        RECURRENT: "GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase",
        PICTURE: """
            ChannelShuffle CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d Flatten Fold
            PixelShuffle PixelUnshuffle ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d
            ReplicationPad3d Unflatten Unfold Upsample UpsamplingBilinear2d UpsamplingNearest2d ZeroPad1d ZeroPad2d ZeroPad3d
        """,
        CONTAINER: """
            Buffer Container DataParallel Module ModuleDict ModuleList Parameter ParameterDict ParameterList Sequential
            UninitializedBuffer UninitializedParameter
        """,
        HELPER: "LinearCrossEntropyOptions factory_kwargs",
    },
    "torch.nn.functional": {
        EVERY_PAIR: "pdist",
        CONVOLUTION: "conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d",
        POOLING: """
            adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool1d_with_indices
            adaptive_max_pool2d adaptive_max_pool2d_with_indices adaptive_max_pool3d adaptive_max_pool3d_with_indices avg_pool1d
            avg_pool2d avg_pool3d fractional_max_pool2d fractional_max_pool2d_with_indices fractional_max_pool3d
            fractional_max_pool3d_with_indices lp_pool1d lp_pool2d lp_pool3d max_pool1d max_pool1d_with_indices max_pool2d
            max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool1d max_unpool2d max_unpool3d
        """,
        NORMALISATION: "batch_norm group_norm instance_norm layer_norm local_response_norm normalize rms_norm",
        DROPOUT: "alpha_dropout dropout dropout1d dropout2d dropout3d feature_alpha_dropout",
        ATTENTION: "multi_head_attention_forward scaled_dot_product_attention",
        LINEAR: "bilinear grouped_mm linear scaled_grouped_mm scaled_mm",
        EMBEDDING: "embedding embedding_bag one_hot",
        PICTURE: """
            affine_grid channel_shuffle fold grid_sample interpolate native_channel_shuffle pad pixel_shuffle pixel_unshuffle
            unfold upsample upsample_bilinear upsample_nearest
        """,
        HELPER: """
            Callable DType Optional ScalingType SwizzleType Tensor assert_int_or_pair boolean_dispatch handle_torch_function
            has_torch_function has_torch_function_unary has_torch_function_variadic
        """,
    },
    "torch.special": {
        SPECIAL: """
            airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v
            chebyshev_polynomial_w digamma entr erf erfc erfcx erfinv exp2 expm1 gammainc gammaincc gammaln hermite_polynomial_h
            hermite_polynomial_he i0 i0e i1 i1e laguerre_polynomial_l legendre_polynomial_p log1p log_ndtr logit
            modified_bessel_i0 modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 multigammaln ndtr ndtri polygamma psi
            round scaled_modified_bessel_k0 scaled_modified_bessel_k1 shifted_chebyshev_polynomial_t
            shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w sinc spherical_bessel_j0
            xlog1py xlogy zeta
        """,
        HELPER: "Tensor",
    },
    "tensorflow.nn": {
        REPLICAS: "scale_regularization_loss",
        CTC_LABELS: "collapse_repeated ctc_unique_labels",
        SAMPLING: """
            all_candidate_sampler compute_accidental_hits fixed_unigram_candidate_sampler learned_unigram_candidate_sampler
            nce_loss sampled_softmax_loss
        """,
        CONVOLUTION: """
            atrous_conv2d atrous_conv2d_transpose conv1d conv1d_transpose conv2d conv2d_transpose conv3d conv3d_transpose
            conv_transpose convolution depthwise_conv2d depthwise_conv2d_backprop_filter depthwise_conv2d_backprop_input
            dilation2d erosion2d separable_conv2d with_space_to_batch
        """,
        POOLING: """
            avg_pool avg_pool1d avg_pool2d avg_pool3d fractional_avg_pool fractional_max_pool max_pool max_pool1d max_pool2d
            max_pool3d max_pool_with_argmax pool
        """,
        NORMALISATION: """
            batch_norm_with_global_normalization batch_normalization l2_normalize local_response_normalization lrn moments
            normalize_moments sufficient_statistics weighted_moments
        """,
        DROPOUT: "dropout",
        LINEAR: "bias_add",
        EMBEDDING: "embedding_lookup embedding_lookup_sparse safe_embedding_lookup_sparse",
        RECURRENT: "RNNCellDeviceWrapper RNNCellDropoutWrapper RNNCellResidualWrapper",
        PICTURE: "depth_to_space space_to_batch space_to_depth",
        STATISTICS: """
            approx_max_k approx_min_k ctc_beam_search_decoder ctc_greedy_decoder in_top_k isotonic_regression top_k zero_fraction
        """,
    },
    "tensorflow.math": {
        SCAN: "cumulative_logsumexp",
    },
    "tensorflow.sparse": {
        SPARSE: "softmax",
    },
    "tensorflow.keras.losses": {
        RENAMED: "KLD MAE MAPE MSE MSLE kld kullback_leibler_divergence logcosh mae mape mse msle",
    },
    "keras.activations": {
        HELPER: "deserialize get serialize",
    },
    "keras.losses": {
        CONTAINER: "Loss",
        HELPER: "deserialize get serialize",
    },
    "keras.metrics": {
        METRIC: """
            BinaryCrossentropy CategoricalCrossentropy CategoricalHinge CosineSimilarity Hinge KLDivergence MeanAbsoluteError
            MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy
            SquaredHinge
        """,
    },
    "tensorflow.keras.metrics": {
        METRIC: """
            BinaryCrossentropy CategoricalCrossentropy CategoricalHinge CosineSimilarity Hinge KLDivergence MeanAbsoluteError
            MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy
            SquaredHinge
        """,
    },
    "tensorflow.keras.layers": {
        KERAS_2: "ThresholdedReLU",
    },
    "tensorflow.keras.backend": {
        KERAS_2: """
            binary_crossentropy binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy clip elu exp
            hard_sigmoid relu sigmoid softmax softplus softsign sparse_categorical_crossentropy tanh
        """,
    },
    "keras.ops": {
        CLIP: "clip",
        MATRIX: "identity",
    },
    "jax.nn": {
        NORMALISATION: "standardize",
        ATTENTION: "dot_product_attention",
        LINEAR: "get_scaled_dot_general_config scaled_dot_general scaled_matmul",
        EMBEDDING: "one_hot",
    },
    "jax.scipy.special": {
        SPECIAL: """
            bernoulli bessel_jn beta betainc betaln boxcox boxcox1p comb dawsn digamma entr erf erfc erfcx erfinv exp1 expi expn factorial
            fresnel gamma gammainc gammaincc gammaln gammasgn hyp1f1 hyp2f1 i0 i0e i1 i1e log_ndtr loggamma logit multigammaln
            ndtr ndtri owens_t poch polygamma sici spence sph_harm_y wofz xlog1py xlogy zeta
        """,
        DIVERGENCE: "kl_div",
    },
    "jax.numpy": {
        CLIP: "clip",
        MATRIX: "identity",
    },
    "optax": {
        TRANSFORMATION: "clip identity",
    },
    "numpy": {
        MATRIX: "identity",
    },
    "scipy.special": {
        RESIDUAL: "huber",
        DIVERGENCE: "kl_div",
    },
}  # fmt: skip
"""Public names that are no elementwise activation: place -> reason -> names, separated by blanks."""

ELSEWHERE: dict[str, str] = {}
"""Names in OUT_OF_SCOPE that only some versions have, and which: `place.name` -> a sentence."""

CHECKED = {
    "jax": "0.10.2",
    "keras": "3.15.1",
    "numpy": "2.4.6",
    "optax": "0.2.8",
    "scipy": "1.17.1",
    "tensorflow": "2.21.0",
    "torch": "2.13.0",
}
"""The versions that OUT_OF_SCOPE was made with. What an older one lacks is not stale; what a newer one has is told."""
